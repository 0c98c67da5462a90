"""Single flight: however many ask for one thing at once, it is done once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager

from kong_vault_py.errors import StrategyTimeoutError

__all__ = ["Flights"]

#: A fetch has a deadline of its own, well below this; it only keeps a broken strategy from holding its followers.
_FOLLOW_S = 60.0


class _Flight:
    __slots__ = ("done", "started")

    def __init__(self, started: float) -> None:
        self.started = started
        self.done = threading.Event()


class Flights:
    """Work under way, by key. Leaders do it, followers wait for the leader to be done."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._under_way: dict[Hashable, _Flight] = {}
        self._lock = threading.Lock()

    @contextmanager
    def lead(self, keys: Iterable[Hashable]) -> Iterator[list[Hashable]]:
        """Take the lead for those of the keys that nobody works on, and yield them; waits for nobody."""
        with self._lock:
            flights = {key: _Flight(self._clock()) for key in keys if key not in self._under_way}
            self._under_way.update(flights)
        try:
            yield list(flights)
        finally:
            with self._lock:
                for key in flights:
                    del self._under_way[key]
            for flight in flights.values():
                flight.done.set()

    def run(self, key: Hashable, work: Callable[[], None], *, since: float | None = None) -> None:
        """Do ``work``, or wait for someone else's that began no earlier than ``since``.

        Args:
            key: what the work is for.
            work: leaves its result where followers find it; what it raises reaches the leader alone.
            since: on the clock given; ``None`` joins whatever is under way.

        Raises:
            StrategyTimeoutError: a leader doesn't come back.
        """
        while True:
            with self._lock:
                flight = self._under_way.get(key)
                leads = flight is None
                if flight is None:
                    flight = self._under_way[key] = _Flight(self._clock())
            if leads:
                try:
                    work()
                finally:
                    with self._lock:
                        del self._under_way[key]
                    flight.done.set()
                return
            if not flight.done.wait(_FOLLOW_S):
                raise StrategyTimeoutError(f"another fetch of the same resource hangs for over {_FOLLOW_S:.0f} s")
            if since is None or flight.started >= since:
                return
