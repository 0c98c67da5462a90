"""The arithmetic of windows: what counts at a moment, whether a request is within its limits, how long to wait.

A window of N seconds begins at a multiple of N of the Unix time. A fixed window counts alone; a sliding one adds the
requests of the window before, by the share of it that the last N seconds still cover.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from kong_vault_py.errors import ConfigError

__all__ = ["TOLERANCE", "Count", "Limit", "Rule", "Tally", "number_text", "rolled"]

#: What is above a limit by no more than this is rounding. The script in Redis has the same.
TOLERANCE = 1e-6


class Limit(NamedTuple):
    """So many requests in so many seconds."""

    requests: float
    size_s: float


class Count(NamedTuple):
    """The requests of one window, which has number ``window`` since 1970, and of the window before."""

    window: int
    current: int
    previous: int


class Tally(NamedTuple):
    """What the counters say of a request.

    Attributes:
        now_s: Unix time by the clock that decided.
        allowed: whether the request is within all limits.
        counts: per limit, the request included if it counts.
    """

    now_s: float
    allowed: bool
    counts: tuple[Count, ...]


def rolled(count: Count | None, size_s: float, now_s: float) -> Count:
    """Return ``count`` as it stands at ``now_s``. A clock that goes back changes nothing."""
    index = math.floor(now_s / size_s)
    if count is None or count.window < index - 1:
        return Count(index, 0, 0)
    return Count(index, 0, count.current) if count.window == index - 1 else count


def number_text(value: float) -> str:
    """Return a number as short as it can be said: ``60`` for 60.0, ``0.5``."""
    return str(int(value)) if value == int(value) else repr(value)


@dataclass(frozen=True)
class Rule:
    """The limits of one plugin instance, all of which a request has to keep.

    Attributes:
        limits: no two of one size.
        sliding: windows slide; else they are fixed.
        counts_denied: a denied request counts too.
    """

    limits: tuple[Limit, ...]
    sliding: bool
    counts_denied: bool

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> Rule:
        """Build it from ``limit``, ``window_size``, ``window_type`` and ``disable_penalty``.

        Raises:
            ConfigError: limits and windows don't pair.
        """
        requests, sizes = config["limit"] or (), config["window_size"] or ()
        if not requests or len(requests) != len(sizes):
            raise ConfigError("You must provide the same number of windows and limits")
        lowest: dict[float, float] = {}
        for limit, size_s in zip(requests, sizes, strict=True):
            lowest[size_s] = min(limit, lowest.get(size_s, limit))
        sliding = config["window_type"] == "sliding"
        return cls(
            tuple(Limit(limit, size_s) for size_s, limit in lowest.items()),
            sliding,
            # As documented, disable_penalty is for sliding windows only.
            counts_denied=not (sliding and config["disable_penalty"]),
        )

    @property
    def longest_s(self) -> float:
        """The size of the longest window."""
        return max(limit.size_s for limit in self.limits)

    def weighed(self, limit: Limit, count: Count, now_s: float) -> float:
        """Return the number of requests that counts against ``limit`` at ``now_s``."""
        if not self.sliding:
            return count.current
        left = 1 - (now_s - count.window * limit.size_s) / limit.size_s
        return count.current + count.previous * min(1.0, max(0.0, left))

    def allows(self, counts: Sequence[Count], now_s: float) -> bool:
        """Say whether one more request is within all limits."""
        return all(
            self.weighed(limit, count, now_s) + 1 <= limit.requests + TOLERANCE for limit, count in self._pairs(counts)
        )

    def remaining(self, limit: Limit, count: Count, now_s: float) -> int:
        """Return how many requests are left."""
        return max(0, math.floor(limit.requests - self.weighed(limit, count, now_s) + TOLERANCE))

    def reset_s(self, limit: Limit, count: Count, now_s: float) -> float:
        """Return the seconds to the next request that is allowed; while one is, to the window's end."""
        elapsed_s = now_s - count.window * limit.size_s
        to_end_s = limit.size_s - elapsed_s
        if not self.sliding or self.weighed(limit, count, now_s) + 1 <= limit.requests + TOLERANCE:
            return to_end_s
        room = limit.requests - count.current - 1
        if room >= 0:
            # Within this window, once the one before has faded enough.
            return limit.size_s * (1 - room / count.previous) - elapsed_s
        if limit.requests < 1:
            return to_end_s + limit.size_s
        # In the next one, once this one has.
        return to_end_s + limit.size_s * (1 - (limit.requests - 1) / count.current)

    def _pairs(self, counts: Sequence[Count]) -> Iterable[tuple[Limit, Count]]:
        return zip(self.limits, counts, strict=True)
