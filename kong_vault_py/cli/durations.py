"""Durations for people."""

from __future__ import annotations

__all__ = ["spoken"]

_UNITS = (("d", 86400), ("h", 3600), ("min", 60))


def spoken(seconds: float) -> str:
    """Return a duration in its largest unit, with the next one where it counts: ``1 h 5 min``, ``30 s``, ``0.2 s``."""
    if seconds < 0:
        return f"-{spoken(-seconds)}"
    for index, (unit, size) in enumerate(_UNITS):
        if seconds >= size:
            whole, rest = divmod(round(seconds), size)
            below, below_size = [*_UNITS, ("s", 1)][index + 1]
            part = rest // below_size
            return f"{whole} {unit} {part} {below}" if part else f"{whole} {unit}"
    return f"{seconds:.0f} s" if seconds >= 10 or seconds == int(seconds) else f"{seconds:.1f} s"
