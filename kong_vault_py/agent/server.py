"""The listening side: HTTP on the unix socket, and perhaps on a loopback port, on gevent's loop."""

from __future__ import annotations

import resource
import socket
from collections.abc import Callable
from typing import Any

import gevent
from gevent.pool import Pool

from kong_vault_py.agent.admission import DOOR
from kong_vault_py.agent.connections import DoorServer, Handler, Patience
from kong_vault_py.agent.options import AgentOptions, Door
from kong_vault_py.errors import ConfigError
from kong_vault_py.socket_file import SocketFile

__all__ = ["AgentServer"]

#: Anyone on this machine can open connections to the port, whoever has no token too.
_MOST_CONNECTIONS = {"socket": 1024, "tcp": 128}
_BACKLOG = 1024


class AgentServer:
    """Serves an application on the doors that the options name.

    Args:
        options: where.
        application: a WSGI application.
        patience: with slow clients.
    """

    def __init__(
        self, options: AgentOptions, application: Callable[..., Any], patience: Patience | None = None
    ) -> None:
        self._options = options
        self._application = application
        self._patience = patience or Patience()
        self._socket_file = SocketFile(options.socket, mode=options.socket_mode, group=options.socket_group)
        self._servers: list[DoorServer] = []
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
        server = DoorServer(
            listener,
            self._application,
            spawn=Pool(min(_MOST_CONNECTIONS[door.name], _spare_files())),
            log=None,
            error_log=None,
            handler_class=Handler,
            environ={DOOR: door},
        )
        server.patience = self._patience
        server.start()
        self._servers.append(server)


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
