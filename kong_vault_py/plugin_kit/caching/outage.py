"""Knowing that a storage is out: one log line per change of state, and no waiting for it in every request."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

__all__ = ["Outage"]

# A dead server costs one request a time-out per pause, not every request.
_PAUSE_S = 1.0


class Outage:
    """The state of one storage, as one plugin instance sees it.

    Args:
        clock: monotonic seconds; tests tick their own.
        pause_s: seconds between two tries while it is out.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic, pause_s: float = _PAUSE_S) -> None:
        self._clock = clock
        self._pause_s = pause_s
        self._lock = threading.Lock()
        self._reason: str | None = None
        self._next_try_s = 0.0

    def forbids(self) -> bool:
        """Say whether to leave the storage alone; once per pause, one caller is let through to try it."""
        if self._reason is None:
            return False
        with self._lock:
            now_s = self._clock()
            if now_s < self._next_try_s:
                return True
            self._next_try_s = now_s + self._pause_s
            return False

    def began(self, reason: str) -> bool:
        """Note a failure, and say whether it is news: the first one, or one for another reason."""
        with self._lock:
            news = reason != self._reason
            self._reason = reason
            self._next_try_s = self._clock() + self._pause_s
            return news

    def ended(self) -> bool:
        """Note a success, and say whether it is news."""
        if self._reason is None:
            return False
        with self._lock:
            news = self._reason is not None
            self._reason, self._next_try_s = None, 0.0
            return news
