"""Refreshing in the background: what is due, when, and the threads that do it.

Under the plugin server's gevent the threads are greenlets. They start with the first thing that is scheduled, and
again in a child after a fork.
"""

from __future__ import annotations

import heapq
import itertools
import logging
import os
import threading
import weakref
from collections.abc import Callable, Hashable
from functools import partial
from typing import Any, Generic, TypeVar

__all__ = ["Rotation"]

log = logging.getLogger(__name__)

K = TypeVar("K", bound=Hashable)

_SLACK = 64


class Rotation(Generic[K]):
    """A schedule of keys to refresh.

    Args:
        refresh: refreshes one key; called in a worker, or by :meth:`run_due`.
        clock: monotonic seconds.
        workers: how many refreshes may run at once.
        poll: called about every ``poll_interval_s`` by a worker; ``None`` for nothing to poll.
        poll_interval_s: see ``poll``.
    """

    def __init__(
        self,
        refresh: Callable[[K], None],
        *,
        clock: Callable[[], float],
        workers: int,
        poll: Callable[[], None] | None = None,
        poll_interval_s: float = 1.0,
    ) -> None:
        self._refresh = refresh
        self._clock = clock
        self._workers = workers
        self._poll = poll
        self._poll_interval_s = poll_interval_s
        self._next_poll = clock() + poll_interval_s
        self._order = itertools.count()
        self._heap: list[tuple[float, int, K]] = []
        self._due: dict[K, float] = {}
        self._closed = False
        self._reset_threads()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_forget_threads, weakref.ref(self)))

    def _reset_threads(self) -> None:
        """Begin without threads: at the start, and in a forked child, which has none of its parent's."""
        self._changed = threading.Condition()
        self._threads: list[threading.Thread] = []

    def schedule(self, key: K, at: float, *, start: bool = True) -> None:
        """Refresh ``key`` at ``at`` on the clock; a later call for the same key replaces it.

        With ``start`` the workers are started if they don't run yet.
        """
        with self._changed:
            self._due[key] = at
            heapq.heappush(self._heap, (at, next(self._order), key))
            if len(self._heap) > 2 * len(self._due) + _SLACK:
                self._compact()
            if start:
                self._start()
            self._changed.notify()

    def cancel(self, key: K) -> None:
        """Don't refresh ``key`` any more."""
        with self._changed:
            self._due.pop(key, None)

    def take(self, wanted: Callable[[K], bool], *, before: float, most: int) -> list[K]:
        """Take keys out of the schedule that are due before a time and wanted, to refresh them together."""
        with self._changed:
            taken = [key for key, at in self._due.items() if at < before and wanted(key)][:most]
            for key in taken:
                del self._due[key]
            return taken

    def start(self) -> None:
        """Start the workers even though nothing is scheduled, for the poll's sake."""
        with self._changed:
            self._start()

    def run_due(self) -> int:
        """Refresh here and now whatever is due, and say how many that were."""
        done = 0
        while (key := self._take(self._clock())) is not None:
            self._run(key)
            done += 1
        return done

    def close(self) -> None:
        """Stop the workers; a refresh under way ends by itself. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._due.clear()
            self._heap.clear()
            self._changed.notify_all()
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout=1.0)

    def _start(self) -> None:
        if self._closed or self._threads:
            return
        self._threads = [
            threading.Thread(target=self._work, name=f"kong-vault-rotation-{number}", daemon=True)
            for number in range(self._workers)
        ]
        for thread in self._threads:
            thread.start()

    def _work(self) -> None:
        while True:
            with self._changed:
                if self._closed:
                    return
                wait_s = self._wait_s()
                if wait_s is None or wait_s > 0:
                    self._changed.wait(wait_s)
                    continue
                polls = self._polls()
                key = None if polls else self._pop(self._clock())
            if polls and self._poll is not None:
                self._guarded(self._poll)
            elif key is not None:
                self._run(key)

    def _compact(self) -> None:
        """Drop what later calls replaced, so that the heap doesn't grow with every reschedule."""
        self._heap = [(at, next(self._order), key) for key, at in self._due.items()]
        heapq.heapify(self._heap)

    def _wait_s(self) -> float | None:
        """Return the seconds until something is to do; 0 or less for now, ``None`` for nothing in sight."""
        times = [self._heap[0][0]] if self._heap else []
        if self._poll is not None:
            times.append(self._next_poll)
        return min(times) - self._clock() if times else None

    def _polls(self) -> bool:
        now = self._clock()
        if self._poll is None or now < self._next_poll:
            return False
        self._next_poll = now + self._poll_interval_s
        return True

    def _take(self, now: float) -> K | None:
        with self._changed:
            return self._pop(now)

    def _pop(self, now: float) -> K | None:
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:
                del self._due[key]
                return key
        return None

    def _run(self, key: K) -> None:
        self._guarded(lambda: self._refresh(key))

    def _guarded(self, action: Callable[[], None]) -> None:
        try:
            action()
        except Exception:
            # A worker that died would end rotation in silence.
            log.exception("rotation: an unexpected error; going on")


def _forget_threads(rotation: weakref.ref[Rotation[Any]]) -> None:
    found = rotation()
    if found is not None:
        ran = bool(found._threads)
        found._reset_threads()
        if ran:
            found.start()
