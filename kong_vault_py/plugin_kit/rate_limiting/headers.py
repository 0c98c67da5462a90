"""The headers that tell a client where it stands."""

from __future__ import annotations

import math
import secrets

from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Limit, Rule, Tally, number_text

__all__ = ["client_headers", "window_name"]

# kong/plugins/rate-limiting/expiration.lua: a month has 30 days, a year 365.
_NAMES: dict[float, str] = {1: "Second", 60: "Minute", 3600: "Hour", 86400: "Day", 2592000: "Month", 31536000: "Year"}


def client_headers(rule: Rule, tally: Tally, retry_after_jitter_max_s: float = 0) -> dict[str, str]:
    """Return the response's headers: each limit's, those of the one that matters most, and ``Retry-After``.

    Args:
        rule: the limits.
        tally: what the counters said.
        retry_after_jitter_max_s: up to so many whole seconds, by chance, are added to ``Retry-After``.
    """
    headers: dict[str, str] = {}
    standing = []
    for limit, count in zip(rule.limits, tally.counts, strict=True):
        remaining = rule.remaining(limit, count, tally.now_s)
        name = window_name(limit.size_s)
        headers[f"X-RateLimit-Limit-{name}"] = number_text(limit.requests)
        headers[f"X-RateLimit-Remaining-{name}"] = str(remaining)
        standing.append((remaining, limit, count))
    remaining, limit, reset_s = _decisive(rule, tally, standing)
    headers["RateLimit-Limit"] = number_text(limit.requests)
    headers["RateLimit-Remaining"] = str(remaining)
    headers["RateLimit-Reset"] = str(reset_s)
    if not tally.allowed:
        headers["Retry-After"] = str(reset_s + secrets.randbelow(math.floor(retry_after_jitter_max_s) + 1))
    return headers


def window_name(size_s: float) -> str:
    """Return ``Minute`` for 60, and the seconds for a size that has no name."""
    return _NAMES.get(size_s) or number_text(size_s)


def _decisive(rule: Rule, tally: Tally, standing: list[tuple[int, Limit, Count]]) -> tuple[int, Limit, int]:
    """Return remaining, limit and reset of the limit with the least left; of several, that with the longest wait."""
    candidates = []
    for remaining, limit, count in standing:
        reset_s = max(1, math.ceil(rule.reset_s(limit, count, tally.now_s) - 1e-6))
        candidates.append((remaining, -reset_s, limit))
    remaining, reset_s, limit = min(candidates)
    return remaining, limit, -reset_s
