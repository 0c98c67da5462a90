"""Pauses that grow while something fails."""

from __future__ import annotations

import random
from collections.abc import Callable

__all__ = ["Backoff"]


class Backoff:
    """Doubles the pause with each failure; each is shortened by up to half, so that nodes don't come back at once.

    Args:
        first_s: the first pause.
        longest_s: no pause is longer.
        jitter: a number in [0, 1) for each.
    """

    def __init__(self, first_s: float, longest_s: float, jitter: Callable[[], float] = random.random) -> None:
        self._first_s = first_s
        self._longest_s = longest_s
        self._jitter = jitter
        self._failures = 0

    def next_s(self) -> float:
        """Count a failure, and return the seconds to wait."""
        pause_s = min(self._first_s * 2.0 ** min(self._failures, 30), self._longest_s)
        self._failures += 1
        return pause_s * (1.0 - self._jitter() / 2)

    def reset(self) -> None:
        """It works again."""
        self._failures = 0
