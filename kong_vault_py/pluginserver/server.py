"""The listening side: accepts Kong's connections, and ends without breaking off what runs."""

from __future__ import annotations

import _socket
import logging
import time
from collections.abc import Callable
from typing import Any

import gevent

from kong_vault_py.pluginserver.busy_poll import BusyPoll
from kong_vault_py.pluginserver.connection import READ, Connection
from kong_vault_py.pluginserver.dispatch import Dispatcher
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
        dispatcher: takes each connection's requests.
        events: the events in flight; their coarse time is driven from here.
        server_pid: the process id that Kong knows the server by.
        alone: no other process accepts connections from the listener.
        busy_poll_us: see :class:`BusyPoll`; 0: sleep at once.

    Attributes:
        connections: Kong's.
    """

    def __init__(
        self,
        hub: Any,
        listener: _socket.socket,
        dispatcher: Dispatcher,
        events: Events,
        *,
        server_pid: int,
        alone: bool = True,
        busy_poll_us: int = 0,
    ) -> None:
        self._loop = hub.loop
        self._listener = listener
        self._dispatch = dispatcher.dispatch
        self._busy_poll = BusyPoll(hub.loop, dispatcher.take, busy_poll_us) if busy_poll_us else None
        self._take = self._busy_poll.take if self._busy_poll else dispatcher.take
        self._events = events
        self.connections: set[Connection] = set()
        self._greeting = server_pid_frame(server_pid)
        self._accepts_at_once = _ACCEPTS_AT_ONCE if alone else 1  # one each in turn
        self._acceptor = self._loop.io(listener.fileno(), READ)
        self._resume = self._loop.timer(_ACCEPT_PAUSE_S)
        self._sweeper = self._loop.timer(events.tick_s, repeat=events.tick_s)

    def start(self) -> None:
        """Accept connections, from the next turn of the loop on."""
        self._acceptor.start(self._on_connect)
        self._sweeper.start(self._events.sweep)

    def stop(self, grace_s: float, others: Callable[[], None] | None = None) -> None:
        """Accept no more, let events in flight finish for at most ``grace_s`` seconds, then close everything.

        Args:
            grace_s: how long.
            others: called before that; waits until other workers' events, whose Steps may come here, are over too.
        """
        for watcher in (self._acceptor, self._resume):
            watcher.stop()
            watcher.close()
        self._listener.close()
        last = time.monotonic() + grace_s
        while self._events.in_flight and time.monotonic() < last:
            gevent.sleep(_POLL_S)
        if self._events.in_flight:
            log.warning("%d events had not finished after %g s", self._events.in_flight, grace_s)
        if others is not None:
            others()
        self._sweeper.stop()
        self._sweeper.close()
        # In the hub: a greenlet that is thrown at comes back there, not here.
        self._loop.run_callback(self._events.abandon)
        gevent.sleep(_POLL_S)
        for connection in list(self.connections):
            connection.close()
        if self._busy_poll:
            self._busy_poll.close()

    def _on_connect(self) -> None:
        for _ in range(self._accepts_at_once):
            try:
                descriptor, _address = self._listener._accept()  # type: ignore[attr-defined]  # socket.accept's own
            except (BlockingIOError, ConnectionAbortedError):
                return
            except OSError as error:
                log.error("can't accept a connection: %s; raise the limit of open files (ulimit -n)", error)
                self._acceptor.stop()
                self._resume.start(self._acceptor.start, self._on_connect)
                return
            self.connections.add(
                Connection(
                    _socket.socket(fileno=descriptor),
                    self._loop,
                    take=self._take,
                    dispatch=self._dispatch,
                    forget=self.connections.discard,
                    greeting=self._greeting,
                )
            )
