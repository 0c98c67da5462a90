"""The listening side: HTTP on the unix socket, and perhaps on a loopback port, on gevent's loop."""

from __future__ import annotations

import contextlib
import io
import logging
import resource
import socket
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import MAX_REQUEST_LINE, WSGIHandler, WSGIServer

from kong_vault_py.agent.admission import DOOR
from kong_vault_py.agent.arrival import Arrival
from kong_vault_py.agent.head import Head, read_head
from kong_vault_py.agent.options import AgentOptions, Door
from kong_vault_py.errors import ConfigError
from kong_vault_py.socket_file import SocketFile

__all__ = ["AgentServer", "Patience"]

log = logging.getLogger(__name__)

#: Anyone on this machine can open connections to the port, whoever has no token too.
_MOST_CONNECTIONS = {"socket": 1024, "tcp": 128}
_BACKLOG = 1024
_VERSIONS = ("HTTP/1.1", "HTTP/1.0")
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


class AgentServer:
    """Serves an application on the doors that the options name.

    Args:
        options: where.
        application: a WSGI application.
        patience: with slow clients.
    """

    def __init__(self, options: AgentOptions, application: Callable[..., Any], patience: Patience | None = None) -> None:
        self._options = options
        self._application = application
        self._patience = patience or Patience()
        self._socket_file = SocketFile(options.socket, mode=options.socket_mode, group=options.socket_group)
        self._servers: list[_DoorServer] = []
        self.port: int | None = None

    def start(self) -> None:
        """Listen and serve.

        Raises:
            ConfigError: the socket or the port can't be had.
        """
        # The port first: where that fails, a running agent keeps its socket.
        over_tcp = _listen(self._options.listen) if self._options.listen else None
        try:
            listener = self._socket_file.listen()
        except BaseException:
            if over_tcp is not None:
                over_tcp.close()
            raise
        self._serve(socket.socket(fileno=listener.detach()), Door.socket(self._options))
        if over_tcp is not None:
            self.port = over_tcp.getsockname()[1]
            self._serve(over_tcp, Door.tcp(self._options, over_tcp.getsockname()[1]))

    def stop(self, grace_s: float) -> None:
        """Accept no more, let requests under way finish for at most ``grace_s`` seconds, then close everything."""
        self._socket_file.remove()
        gevent.joinall([gevent.spawn(server.end, grace_s) for server in self._servers])

    def _serve(self, listener: socket.socket, door: Door) -> None:
        server = _DoorServer(
            listener,
            self._application,
            spawn=Pool(min(_MOST_CONNECTIONS[door.name], _spare_files())),
            log=None,
            error_log=None,
            handler_class=_Handler,
            environ={DOOR: door},
        )
        server.patience = self._patience
        server.start()
        self._servers.append(server)


class _DoorServer(WSGIServer):
    """Knows its connections, so that idle ones don't hold up its end."""

    patience = Patience()

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.handlers: set[_Handler] = set()
        self.ending = False

    def update_environ(self) -> None:
        """Name the server without asking a name service for it."""
        self.environ.setdefault("SERVER_NAME", "localhost")
        self.environ.setdefault("SERVER_PORT", "0")

    def end(self, grace_s: float) -> None:
        self.ending = True
        # Who connected before is let in still: nobody new finds the socket any more.
        gevent.sleep(0)
        self.close()
        for handler in list(self.handlers):
            handler.hang_up_if_idle()
        self.stop(timeout=grace_s)


class _Handler(WSGIHandler):
    """One connection: strict about what is a request, with time limits, and quiet about what clients do wrong."""

    server: _DoorServer
    wsgi_input: Any
    #: Clients that go away, or never take their answer, are no failure of ours.
    ignored_socket_errors = (*WSGIHandler.ignored_socket_errors, "timed out")
    _busy = False

    def __init__(self, connection: Any, address: Any, server: _DoorServer) -> None:
        self._arrival = Arrival(connection)
        self._wait_s = server.patience.arrival_s
        super().__init__(connection, address, server, rfile=io.BufferedReader(self._arrival))

    def handle(self) -> None:
        self.server.handlers.add(self)
        try:
            super().handle()
        finally:
            self.server.handlers.discard(self)

    def hang_up_if_idle(self) -> None:
        with contextlib.suppress(OSError):  # it hung up by itself
            if not (self._busy or self._has_sent()):
                self.socket.shutdown(socket.SHUT_RDWR)

    def read_requestline(self) -> str:
        self._busy = False
        self._arrival.within(self._wait_s)
        if not self.rfile.peek(1):
            return ""
        self._busy = True
        self._wait_s = self.server.patience.idle_s
        self._arrival.within(self.server.patience.arrival_s)
        line: bytes = self.rfile.readline(MAX_REQUEST_LINE)
        return line.decode("latin-1")

    def MessageClass(self, lines: Any, *_: Any) -> Head:  # noqa: N802  # gevent's name
        """Read the header fields."""
        if self.request_version not in _VERSIONS:
            raise ValueError("another version of HTTP")
        return read_head(lines, chunks=self.request_version == "HTTP/1.1")

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        """Begin an answer. Who answers without the body doesn't want it: it isn't read to its end."""
        body = self.wsgi_input
        if body.chunk_length != 0 if body.chunked_input else body.position < (body.content_length or 0):
            body.content_length, body.chunked_input = 0, False
            self.close_connection = True
        if self.close_connection or self.server.ending:
            headers = [*headers, ("Connection", "close")]
        self.socket.settimeout(self.server.patience.taking_s)
        return super().start_response(status, headers, exc_info)

    def _has_sent(self) -> bool:
        """Whether a request waits to be read."""
        try:
            return bool(self.socket._sock.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT))
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


def _spare_files() -> int:
    """Return how many connections fit in what this process may open, and leave as much to the vaults."""
    soft, _hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return max(soft // 2, 16)


def _listen(address: tuple[str, int]) -> socket.socket:
    family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(_BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise ConfigError(
            f"vault_py_agent_listen: can't listen on {address[0]}:{address[1]}: {error.strerror}"
        ) from error
    return listener
