"""Looking for the next request for a few microseconds before going to sleep: waking up costs more than that."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection

__all__ = ["BusyPoll"]

_clock_ns = time.monotonic_ns


class BusyPoll:
    """Keeps the event loop turning for a while after each request.

    Args:
        loop: gevent's event loop.
        take: what requests go on to.
        for_us: how long, in microseconds.
    """

    def __init__(self, loop: Any, take: Callable[[Connection, bytes], bool], for_us: int) -> None:
        self._take = take
        self._for_ns = for_us * 1000
        self._until_ns = 0
        # A loop with an idle watcher does not block.
        self._idle = loop.idle()

    def take(self, connection: Connection, data: bytes) -> bool:
        """Pass a request on, and look out for the next one after it."""
        taken = self._take(connection, data)
        self._until_ns = _clock_ns() + self._for_ns
        if not self._idle.active:
            self._idle.start(self._on_idle)
        return taken

    def close(self) -> None:
        """Let the loop block again."""
        self._idle.stop()
        self._idle.close()

    def _on_idle(self) -> None:
        if _clock_ns() > self._until_ns:
            self._idle.stop()
