"""Cache-Control and Expires: reading directives and the lifetime they give a response."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

__all__ = ["Directives", "parse_directives", "resource_ttl_s"]

#: Directive name in lower case -> seconds, text, or ``True`` where it has no argument.
Directives = Mapping[str, "float | str | bool"]

_NUMBER = re.compile(r"\d+(\.\d+)?\Z", re.ASCII)


def parse_directives(values: Iterable[str]) -> dict[str, float | str | bool]:
    """Parse the values of a request's or response's Cache-Control headers."""
    directives: dict[str, float | str | bool] = {}
    for piece in ",".join(values).split(","):
        name, separator, argument = (part.strip() for part in piece.partition("="))
        argument = argument.strip('"')
        if not name:
            continue
        if not separator:
            directives[name.lower()] = True
        else:
            directives[name.lower()] = float(argument) if _NUMBER.match(argument) else argument
    return directives


def resource_ttl_s(directives: Directives, headers: Mapping[str, Sequence[str]], now_s: float) -> float:
    """Return for how many seconds a response is fresh: s-maxage, else max-age, else Expires, else 0.

    Args:
        directives: of the response's Cache-Control.
        headers: the response's headers, names in lower case.
        now_s: Unix time.
    """
    for name in ("s-maxage", "max-age"):
        if name in directives:
            seconds = directives[name]
            # RFC 9111, 4.2.1: a lifetime that can't be read counts as stale.
            return seconds if isinstance(seconds, float) else 0.0
    expires = headers.get("expires")
    expires_at_s = _http_date(expires[-1]) if expires else None
    return max(0.0, expires_at_s - now_s) if expires_at_s is not None else 0.0


def _http_date(text: str) -> float | None:
    from email.utils import mktime_tz, parsedate_tz  # the email package is too slow for a plugin dump

    parsed = parsedate_tz(text)
    try:
        return None if parsed is None else float(mktime_tz(parsed))
    except (OverflowError, ValueError):
        return None
