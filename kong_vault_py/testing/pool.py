"""Kong's pool of keep-alive connections to the plugin server's unix socket.

Follows ``setkeepalive`` and ``connect`` of lua-nginx-module: last in, first out, up to 30 idle connections, closed
after 60 idle seconds, and closed at once when the server sends something while nobody asks.
"""

from __future__ import annotations

import itertools
import select
import socket
import threading
import time
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["Connection", "ConnectionPool"]

_POOL_SIZE = 30
_IDLE_S = 60.0


@dataclass
class Connection:
    """An open connection and its number, counted from 1 in the order of opening."""

    number: int
    socket: socket.socket
    idle_since: float = field(default=0.0)

    def close(self) -> None:
        """Close the socket."""
        self.socket.close()

    def is_fresh(self) -> bool:
        """Say whether the server is still there and has sent nothing unasked (Nginx closes such a connection)."""
        if time.monotonic() - self.idle_since > _IDLE_S:
            return False
        poller = select.poll()
        poller.register(self.socket, select.POLLIN)
        return not poller.poll(0)


class ConnectionPool:
    """Connections to one socket, shared by all plugins on it.

    Args:
        socket_path: the plugin server's unix socket.
        timeout_s: seconds for connecting, and for each wait for bytes of a reply (Kong: 60).
        rotate: hand out the connection that rested longest, and never the last one used: every RPC of an event then
            comes over another connection, as can happen in a busy Kong.
    """

    def __init__(self, socket_path: str | Path, *, timeout_s: float = 60.0, rotate: bool = False) -> None:
        self._path = str(socket_path)
        self._timeout_s = timeout_s
        self._rotate = rotate
        self._idle: deque[Connection] = deque()
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()
        self._closed = False

    def take(self) -> Connection:
        """Return an idle connection, or open one.

        Raises:
            OSError: the server does not listen.
        """
        while (pooled := self._pop()) is not None:
            if pooled.is_fresh():
                return pooled
            pooled.close()
        opened = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            opened.settimeout(self._timeout_s)
            opened.connect(self._path)
        except OSError:
            opened.close()
            raise
        return Connection(next(self._numbers), opened)

    def _pop(self) -> Connection | None:
        with self._lock:
            if len(self._idle) <= (1 if self._rotate else 0):
                return None
            return self._idle.popleft() if self._rotate else self._idle.pop()

    def give_back(self, connection: Connection) -> None:
        """Put a connection back, a reply pending on it or not; the pool's oldest leaves when it is full."""
        connection.idle_since = time.monotonic()
        with self._lock:
            if self._closed:
                evicted: Connection | None = connection
            else:
                self._idle.append(connection)
                evicted = self._idle.popleft() if len(self._idle) > _POOL_SIZE else None
        if evicted is not None:
            evicted.close()

    def close(self) -> None:
        """Close the idle connections, and from now on each one that comes back."""
        with self._lock:
            self._closed = True
            idle, self._idle = list(self._idle), deque()
        for connection in idle:
            connection.close()
