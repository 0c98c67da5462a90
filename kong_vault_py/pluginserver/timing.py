"""How long phases take, for the status: measured only where somebody can look, as it costs a twentieth of an event."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["Timing", "Timings"]

_clock = time.perf_counter


class Timing:
    """The times of one phase of one plugin, all instances together; Kong's share included.

    Attributes:
        count: how many ended, well or not.
        total_s: their sum.
        slowest_s: the longest.
    """

    __slots__ = ("count", "slowest_s", "total_s")

    def __init__(self) -> None:
        self.count = 0
        self.total_s = self.slowest_s = 0.0

    def around(self, call: Callable[[], object]) -> Callable[[], None]:
        """Return ``call``, measured."""

        def timed() -> None:
            began = _clock()
            try:
                call()
            finally:
                took = _clock() - began
                self.count += 1
                self.total_s += took
                if took > self.slowest_s:
                    self.slowest_s = took

        return timed


class Timings:
    """All timings of a process, by plugin and phase."""

    def __init__(self) -> None:
        self.known: dict[tuple[str, str], Timing] = {}

    def of(self, plugin: str, phase: str) -> Timing:
        """Return the timing of a phase."""
        return self.known.setdefault((plugin, phase), Timing())
