"""Threads that run until the process ends, and again in a child after a fork. Under gevent they are greenlets."""

from __future__ import annotations

import os
import threading
import weakref
from collections.abc import Callable
from functools import partial

__all__ = ["Background", "Loop"]

#: Runs until the event is set.
Loop = Callable[[threading.Event], None]


class Background:
    """Runs loops side by side.

    Args:
        loops: name -> what to run.
    """

    def __init__(self, **loops: Loop) -> None:
        self._loops = loops
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=partial(_after_fork, weakref.ref(self)))

    @property
    def started(self) -> bool:
        """Whether the loops run, or ran."""
        return bool(self._threads)

    def start(self) -> None:
        """Start the loops."""
        self._threads = [
            threading.Thread(target=loop, args=(self._stop,), name=f"kong-vault-{name}", daemon=True)
            for name, loop in self._loops.items()
        ]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Tell the loops to end."""
        self._stop.set()

    def join(self, timeout_s: float) -> None:
        """Wait for their end, each for so long."""
        for thread in self._threads:
            if thread is not threading.current_thread():
                thread.join(timeout_s)


def _after_fork(background: weakref.ref[Background]) -> None:
    found = background()
    if found is not None and found._threads:
        stopped = found._stop.is_set()
        found._stop = threading.Event()
        if not stopped:
            found.start()
