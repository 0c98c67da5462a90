"""What a gateway is busy with, so that a test can wait for its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable

__all__ = ["Activity"]


class Activity:
    """Counts running requests, and keeps the threads of log phases."""

    def __init__(self) -> None:
        self._requests = 0
        self._log_phases: set[threading.Thread] = set()
        self._changed = threading.Condition()

    def request_began(self) -> None:
        """Count a request."""
        with self._changed:
            self._requests += 1

    def request_ended(self, log_phases: Iterable[threading.Thread] = ()) -> None:
        """Count it out; its log phases go on."""
        with self._changed:
            self._requests -= 1
            alive = {thread for thread in self._log_phases if thread.is_alive()}
            self._log_phases = alive.union(log_phases)
            self._changed.notify_all()

    def wait_for_end(self, timeout_s: float) -> None:
        """Wait until no request runs and every log phase is over.

        Raises:
            TimeoutError: something still runs after ``timeout_s`` seconds.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            if not self._changed.wait_for(lambda: self._requests == 0, timeout_s):
                raise TimeoutError(f"a request still runs after {timeout_s} s")
            log_phases = list(self._log_phases)
        for thread in log_phases:
            thread.join(max(0.0, deadline - time.monotonic()))
            if thread.is_alive():
                raise TimeoutError(f"{thread.name} still runs after {timeout_s} s")
