"""The listening side: HTTP on the unix socket, and perhaps on a loopback port, on gevent's loop."""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent.pool import Pool
from gevent.pywsgi import WSGIHandler, WSGIServer

from kong_vault_py.agent.admission import DOOR
from kong_vault_py.agent.options import AgentOptions, Door
from kong_vault_py.errors import ConfigError
from kong_vault_py.socket_file import SocketFile

__all__ = ["AgentServer"]

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 1024
#: Clients keep connections for later: nginx for 60 s by default.
_IDLE_S = 300.0
#: For a request to arrive, from one piece to the next.
_ARRIVAL_S = 10.0
_BACKLOG = 1024


class AgentServer:
    """Serves an application on the doors that the options name.

    Args:
        options: where.
        application: a WSGI application.
    """

    def __init__(self, options: AgentOptions, application: Callable[..., Any]) -> None:
        self._options = options
        self._application = application
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
            spawn=Pool(_MOST_CONNECTIONS),
            log=None,
            error_log=None,
            handler_class=_Handler,
            environ={DOOR: door},
        )
        server.start()
        self._servers.append(server)


class _DoorServer(WSGIServer):
    """Knows its connections, so that idle ones don't hold up its end."""

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
        self.close()
        for handler in list(self.handlers):
            handler.hang_up_if_idle()
        self.stop(timeout=grace_s)


class _Handler(WSGIHandler):
    """One connection: with time limits, and quiet about what clients do wrong."""

    server: _DoorServer
    wsgi_input: Any
    _busy = False

    def handle(self) -> None:
        self.server.handlers.add(self)
        try:
            super().handle()
        finally:
            self.server.handlers.discard(self)

    def hang_up_if_idle(self) -> None:
        if not self._busy:
            self.socket.shutdown(socket.SHUT_RDWR)

    def read_requestline(self) -> str:
        self._busy = False
        self.socket.settimeout(_IDLE_S)
        line: str = super().read_requestline()
        self._busy = bool(line)
        self.socket.settimeout(_ARRIVAL_S)
        return line

    def handle_one_response(self) -> None:
        if self.server.ending:
            self.close_connection = True
        super().handle_one_response()

    def start_response(self, status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        write = super().start_response(status, headers, exc_info)
        if ("connection", "close") in headers:
            # The body is not wanted: don't read it to its end, which may never come.
            self.wsgi_input.content_length = self.wsgi_input.position
            self.wsgi_input.chunked_input = False
        return write

    def _handle_client_error(self, ex: Exception) -> Any:
        # The parent prints a traceback for some. Its text shows the request line: not logged.
        log.info("a request that is no HTTP, or did not arrive: %s", type(ex).__name__)
        return super()._handle_client_error(ValueError(type(ex).__name__))  # type: ignore[misc]  # stubs lack it


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
