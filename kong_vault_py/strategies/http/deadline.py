"""One deadline for everything that a fetch does."""

from __future__ import annotations

import time
from collections.abc import Callable

from kong_vault_py.errors import StrategyTimeoutError

__all__ = ["Deadline"]


class Deadline:
    """Counts down from the moment it is made.

    Args:
        timeout_s: seconds until it is over.
        clock: returns seconds; never goes back.
    """

    def __init__(self, timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._timeout_s = timeout_s
        self._clock = clock
        self._end_s = clock() + timeout_s

    def remaining_s(self, doing: str) -> float:
        """Return the seconds left, more than 0.

        Args:
            doing: what waits, for the error text ("reading 'redis'").

        Raises:
            StrategyTimeoutError: nothing is left.
        """
        left_s = self._end_s - self._clock()
        if left_s <= 0:
            raise self.over(doing)
        return left_s

    def over(self, doing: str) -> StrategyTimeoutError:
        """Return the error to raise when time ran out."""
        return StrategyTimeoutError(f"{doing} took longer than {self._timeout_s:g} s (option 'fetch_timeout_s')")
