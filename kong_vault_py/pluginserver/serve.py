"""Running the server: from the command's options to its end by a signal."""

from __future__ import annotations

import signal
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from kong_vault_py.errors import ConfigError

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.prefork import Worker

__all__ = ["DEFAULT_EVENT_TIMEOUT_S", "MAX_EVENT_TIMEOUT_S", "ServeOptions", "serve"]

DEFAULT_EVENT_TIMEOUT_S = 30.0
#: Kong waits 60 s for a reply, and an answer after that would meet somebody else's request.
MAX_EVENT_TIMEOUT_S = 50.0


@dataclass(frozen=True)
class ServeOptions:
    """What the command line says.

    Attributes:
        directories: where the plugins are.
        socket: the path to listen on.
        socket_mode: the socket file's permission bits.
        socket_group: the socket file's group, ``None`` for the process's own.
        settings: the settings file for vaults, ``None`` for the environment.
        dumps: where dumps are written at start, ``None`` for nowhere.
        lua_style: PDK calls return ``(data, error)``.
        event_timeout_s: how long a phase may take.
        watch_parent: stop when the starting process dies.
        agent: serve as the node's agent too.
        workers: how many processes serve; 0: what the settings say.
        busy_poll_us: how long to look for another request before sleeping.
        dev: plugins are loaded again when they change, and show their tracebacks to clients.
    """

    directories: tuple[Path, ...]
    socket: Path
    socket_mode: int = 0o600
    socket_group: str | None = None
    settings: Path | None = None
    dumps: Path | None = None
    lua_style: bool = False
    event_timeout_s: float = DEFAULT_EVENT_TIMEOUT_S
    watch_parent: bool = True
    agent: bool = False
    workers: int = 0
    busy_poll_us: int = 0
    dev: bool = False


def serve(options: ServeOptions) -> None:
    """Serve until SIGTERM or SIGINT. Patches the process for gevent first, so call it in a process of its own.

    Raises:
        ConfigError: a directory, the socket or a setting is wrong.
    """
    from kong_vault_py.settings import Settings

    # Asks for the status; until somebody listens, it must not end the process.
    signal.signal(signal.SIGUSR1, signal.SIG_IGN)
    workers = options.workers or Settings.load(options.settings).runtime.pluginserver_workers
    if options.dev and workers > 1:
        raise ConfigError("--dev works with one worker only: leave --workers and vault_py_pluginserver_workers out")
    if workers == 1:
        _serve_here(options, None)
    else:
        _serve_with(workers, options)


def _serve_with(workers: int, options: ServeOptions) -> None:
    """Be the parent of the workers; each worker comes back from ``run`` on its own."""
    from kong_vault_py.pluginserver.plugins import find_plugins
    from kong_vault_py.pluginserver.prefork import Supervisor, watched_parent
    from kong_vault_py.socket_file import SocketFile

    find_plugins(options.directories)  # A mistake shows before the socket is taken over.
    socket_file = SocketFile(options.socket, mode=options.socket_mode, group=options.socket_group)
    # An old server keeps the path until these workers are ready.
    supervisor = Supervisor(socket_file.prepare(), workers, watched_parent(options.watch_parent), socket_file.publish)
    worker = None
    try:
        worker = supervisor.run()
    finally:
        if worker is None:
            socket_file.remove()
            supervisor.end()
    if worker is not None:
        _serve_here(options, worker)


def _serve_here(options: ServeOptions, worker: Worker | None) -> None:
    from gevent import monkey

    monkey.patch_all()
    # Only now: whatever these import must find the patched sockets and locks.
    from kong_vault_py.pluginserver.process import run

    run(options, worker)
