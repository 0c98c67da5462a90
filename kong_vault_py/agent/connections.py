"""Connections on gevent's loop: strict about what is a request, with time limits, quiet about what clients do wrong."""

from __future__ import annotations

import contextlib
import io
import logging
import socket
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.pywsgi import WSGIHandler, WSGIServer

from kong_vault_py.agent.arrival import Arrival
from kong_vault_py.agent.bodies import MAX_BODY_BYTES
from kong_vault_py.agent.head import read_head

__all__ = ["DoorServer", "Handler", "Patience"]

log = logging.getLogger(__name__)

#: gevent answers 414 to those that reach it.
_LONGEST_LINE_BYTES = 8192
_VERSIONS = ("HTTP/1.1", "HTTP/1.0")
_LAST_CALL_S = 0.01
_TOO_SLOW = ("408", b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-length: 0\r\n\r\n")


@dataclass(frozen=True)
class Patience:
    """How long a client may take, in seconds.

    Attributes:
        idle_s: between two requests; nginx keeps connections for 60 s by default.
        arrival_s: for a whole request to arrive, and for a new connection's first one to begin.
        taking_s: to take an answer.
    """

    idle_s: float = 300.0
    arrival_s: float = 10.0
    taking_s: float = 10.0


class DoorServer(WSGIServer):
    """Knows its connections, so that idle ones don't hold up its end."""

    patience = Patience()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.handlers: set[Handler] = set()
        self.ending = False

    def update_environ(self) -> None:
        """Name the server without asking a name service for it."""
        self.environ.setdefault("SERVER_NAME", "localhost")
        self.environ.setdefault("SERVER_PORT", "0")

    def end(self, grace_s: float) -> None:
        """Accept no more, and let requests under way finish for at most ``grace_s`` seconds."""
        self.ending = True
        # Who connected before is let in still: nobody new finds the socket any more.
        gevent.sleep(_LAST_CALL_S)
        self.close()
        for handler in list(self.handlers):
            handler.hang_up_if_idle()
        self.stop(timeout=grace_s)


class Handler(WSGIHandler):
    """One connection."""

    server: DoorServer
    wsgi_input: Any
    #: Clients that go away, or never take their answer, are no failure of ours.
    ignored_socket_errors: Any = (*WSGIHandler.ignored_socket_errors, "timed out")
    _busy = False

    def __init__(self, connection: Any, address: Any, server: DoorServer) -> None:
        self._arrival = Arrival(connection)
        self._wait_s = server.patience.arrival_s
        super().__init__(connection, address, server, rfile=io.BufferedReader(self._arrival))  # type: ignore[call-arg]  # stubs lack it

    def handle(self) -> None:
        """Serve the connection to its end."""
        self.server.handlers.add(self)
        try:
            super().handle()
        finally:
            self.server.handlers.discard(self)

    def hang_up_if_idle(self) -> None:
        """Close the connection unless a request is under way, or waits to be read."""
        with contextlib.suppress(OSError):  # it hung up by itself
            if not (self._busy or self._has_sent()):
                self.socket.shutdown(socket.SHUT_RDWR)

    def read_requestline(self) -> str:
        """Wait for a request, and return its first line; empty where none comes."""
        self._busy = False
        self._arrival.within(self._wait_s)
        if not self.rfile.peek(1):
            return ""
        self._busy = True
        self._wait_s = self.server.patience.idle_s
        self._arrival.within(self.server.patience.arrival_s)
        line: bytes = self.rfile.readline(_LONGEST_LINE_BYTES)
        return line.decode("latin-1")

    def MessageClass(self, lines: Any, *_: Any) -> Any:  # noqa: N802  # gevent's name
        """Read the header fields."""
        if self.request_version not in _VERSIONS:
            raise ValueError("another version of HTTP")
        return read_head(lines, chunks=self.request_version == "HTTP/1.1")

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Begin an answer. What is left of a body that nobody wanted is read over if it is small, else cut off."""
        body = self.wsgi_input
        left_bytes = (body.content_length or 0) - body.position
        if body.chunk_length != 0 if body.chunked_input else left_bytes > MAX_BODY_BYTES:
            body.content_length, body.chunked_input = 0, False
            self.close_connection = True
        if (self.close_connection or self.server.ending) and ("Connection", "close") not in headers:
            headers = [*headers, ("Connection", "close")]
        self.socket.settimeout(self.server.patience.taking_s)
        return super().start_response(status, headers, exc_info)

    def _has_sent(self) -> bool:
        """Whether a request waits to be read."""
        try:
            waits: Any = self.socket._sock  # type: ignore[attr-defined]  # without gevent's waiting
            return bool(waits.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
        except BlockingIOError:
            return False

    def _connection_upgrade_requested(self) -> bool:
        return False  # to gevent that makes a body without end of all that follows

    def _handle_client_error(self, ex: Exception) -> Any:
        # The parent prints a traceback for some. Its text shows the request line: not logged.
        log.info("a request that is no HTTP, or did not arrive: %s", type(ex).__name__)
        if isinstance(ex, TimeoutError):
            return _TOO_SLOW
        return super()._handle_client_error(ValueError(type(ex).__name__))  # type: ignore[misc]  # stubs lack it
