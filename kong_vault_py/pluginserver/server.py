"""The listening side: accepts Kong's connections, and ends without breaking off what runs."""

from __future__ import annotations

import _socket
import logging
import os
import time
from collections.abc import Callable
from typing import Any

import gevent

from kong_vault_py.pluginserver.connection import READ, Connection
from kong_vault_py.pluginserver.events import Events
from kong_vault_py.pluginserver.protocol import server_pid_frame

__all__ = ["Server"]

log = logging.getLogger(__name__)

_ACCEPTS_AT_ONCE = 64
#: Out of descriptors: a listening socket stays readable, so look again only after this long.
_ACCEPT_PAUSE_S = 0.2
_POLL_S = 0.02


class Server:
    """Serves one listening socket on gevent's loop.

    Args:
        hub: gevent's hub.
        listener: a non-blocking, listening socket.
        dispatch: takes each connection's frames.
        events: the events in flight; their coarse time is driven from here.
    """

    def __init__(
        self, hub: Any, listener: _socket.socket, dispatch: Callable[[Connection, Any], None], events: Events
    ) -> None:
        self._loop = hub.loop
        self._listener = listener
        self._dispatch = dispatch
        self._events = events
        self._connections: set[Connection] = set()
        self._greeting = server_pid_frame(os.getpid())
        self._acceptor = self._loop.io(listener.fileno(), READ)
        self._resume = self._loop.timer(_ACCEPT_PAUSE_S)
        self._sweeper = self._loop.timer(events.tick_s, repeat=events.tick_s)

    def start(self) -> None:
        """Accept connections, from the next turn of the loop on."""
        self._acceptor.start(self._on_connect)
        self._sweeper.start(self._events.sweep)

    def stop(self, grace_s: float) -> None:
        """Accept no more, let events in flight finish for at most ``grace_s`` seconds, then close everything."""
        for watcher in (self._acceptor, self._resume):
            watcher.stop()
            watcher.close()
        self._listener.close()
        last = time.monotonic() + grace_s
        while self._events.in_flight and time.monotonic() < last:
            gevent.sleep(_POLL_S)
        if self._events.in_flight:
            log.warning("%d events had not finished after %g s", self._events.in_flight, grace_s)
        self._sweeper.stop()
        self._sweeper.close()
        # In the hub: a greenlet that is thrown at comes back there, not here.
        self._loop.run_callback(self._events.abandon)
        gevent.sleep(_POLL_S)
        for connection in list(self._connections):
            connection.close()

    def _on_connect(self) -> None:
        for _ in range(_ACCEPTS_AT_ONCE):
            try:
                descriptor, _address = self._listener._accept()  # type: ignore[attr-defined]  # socket.accept's own
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("can't accept a connection: %s; raise the limit of open files (ulimit -n)", error)
                self._acceptor.stop()
                self._resume.start(self._acceptor.start, self._on_connect)
                return
            self._connections.add(
                Connection(
                    _socket.socket(fileno=descriptor),
                    self._loop,
                    dispatch=self._dispatch,
                    forget=self._connections.discard,
                    greeting=self._greeting,
                )
            )
