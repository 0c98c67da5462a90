"""The serving process, once it is patched for gevent. Import it from ``serve`` only."""

from __future__ import annotations

import _socket
import contextlib
import ctypes
import gc
import logging
import os
import signal
from collections.abc import Callable, Iterator
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event

from kong_vault_py.agent.serve import hosted_agent
from kong_vault_py.plugin import install_vault
from kong_vault_py.pluginserver.assembly import Observers, Serving
from kong_vault_py.pluginserver.control import Control
from kong_vault_py.pluginserver.dump import write_dumps
from kong_vault_py.pluginserver.plugins import Catalog, load_all
from kong_vault_py.pluginserver.prefork import Worker, watched_parent
from kong_vault_py.pluginserver.protocol import RENEW_BYTES
from kong_vault_py.pluginserver.serve import ServeOptions
from kong_vault_py.settings import Settings
from kong_vault_py.socket_file import SocketFile
from kong_vault_py.vault import Vault

__all__ = ["run"]

log = logging.getLogger(__name__)

#: Of ``malloc.h``.
_M_MMAP_THRESHOLD = -3
_GRACE_S = 5.0
_PARENT_POLL_S = 1.0
#: After the graceful stop: threads that plugins left running don't keep the process.
_LAST_GRACE_S = 2.0


def run(options: ServeOptions, worker: Worker | None = None) -> None:
    """See ``serve.serve``.

    Args:
        options: the command's.
        worker: what this process was given if it is one of several; ``None``: it is the server.
    """
    _tighten_umask()
    _give_memory_back()
    hub = gevent.get_hub()
    _survive_greenlets(hub)
    settings = Settings.load(options.settings)
    with _installed_vault(settings, options, worker) as observers:
        catalog = _load(options, worker)
        serving = Serving(options, settings.runtime, hub, catalog, observers, worker)
        # What is there now stays: full collections needn't look at it.
        gc.collect()
        gc.freeze()
        stop = Event()
        watchers = _watch_signals(hub, stop, serving.log_status)
        watchers += _watch_parent(hub, stop, options.watch_parent and worker is None)
        if worker is None:
            _serve(options, serving, catalog, stop)
        else:
            _serve_as_worker(hub, serving, stop, worker)
        for watcher in watchers:
            watcher.stop()
            watcher.close()
    _leave_surely()


def _serve(options: ServeOptions, serving: Serving, catalog: Catalog, stop: Event) -> None:
    socket_file = SocketFile(options.socket, mode=options.socket_mode, group=options.socket_group)
    serving.start(socket_file.listen(), os.getpid())
    log.info("serving %d plugins on %s", len(catalog.plugins), options.socket)
    stop.wait()
    log.info("stopping")
    socket_file.remove()
    serving.stop(_GRACE_S)


def _serve_as_worker(hub: Any, serving: Serving, stop: Event, worker: Worker) -> None:
    assert serving.sharing is not None
    control = Control(worker, hub.loop, stop, serving.sharing.peers.add)
    serving.start(_socket.socket(fileno=worker.listener.detach()), worker.server_pid)
    log.debug("worker %d serves", worker.index)
    control.say_ready()
    stop.wait()
    serving.stop(_GRACE_S, lambda: control.wait_for_others(_GRACE_S))


@contextlib.contextmanager
def _installed_vault(settings: Settings, options: ServeOptions, worker: Worker | None) -> Iterator[Observers]:
    """Give the plugins the process's vault, for as long as the server runs; its observers can be added to."""
    agent = hosted_agent(settings, wanted=options.agent) if worker is None or worker.index == 0 else None
    observers = Observers(*([agent.metrics] if agent else []))
    with Vault(settings, observer=observers) as vault:
        install_vault(vault)
        vault.preload()
        try:
            if agent:
                agent.start(vault)
            yield observers
        finally:
            if agent:
                agent.stop()
            install_vault(None)


def _load(options: ServeOptions, worker: Worker | None) -> Catalog:
    catalog = load_all(options.directories)
    for reason in catalog.broken.values():
        log.error("%s", reason)
    if options.dumps is not None and (worker is None or worker.index == 0):
        write_dumps(options.dumps, catalog.plugins.values())
    return catalog


def _give_memory_back() -> None:
    """Have the C library return large blocks to the system at once; by default it keeps tens of MiB after one body."""
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, RENEW_BYTES)


def _tighten_umask() -> None:
    """Kong starts the server with umask 0: a file that a plugin writes would be everybody's."""
    inherited = os.umask(0o077)
    if inherited:
        os.umask(inherited)


def _survive_greenlets(hub: Any) -> None:
    """Log what gets out of a greenlet that a plugin started. By default SystemExit in one would end the server."""

    def handle_error(_context: object, kind: Any, value: Any, trace: Any) -> None:
        if not issubclass(kind, gevent.GreenletExit):
            log.error("a greenlet or thread raised %s", kind.__name__, exc_info=(kind, value, trace))

    hub.handle_error = handle_error


def _watch_signals(hub: Any, stop: Event, log_status: Callable[[], None]) -> list[Any]:
    watchers = []
    for number, action in ((signal.SIGTERM, stop.set), (signal.SIGINT, stop.set), (signal.SIGUSR1, log_status)):
        watcher = hub.loop.signal(number)
        watcher.start(action)
        watchers.append(watcher)
    return watchers


def _watch_parent(hub: Any, stop: Event, wanted: bool) -> list[Any]:
    """Stop when the parent dies: Kong's worker does not take its server along."""
    parent = watched_parent(wanted)
    if parent is None:
        return []

    def look() -> None:
        if os.getppid() != parent:
            log.info("the process that started this server (%d) is gone", parent)
            stop.set()

    watcher = hub.loop.timer(_PARENT_POLL_S, repeat=_PARENT_POLL_S)
    watcher.start(look)
    return [watcher]


def _leave_surely() -> None:
    """End the process soon even if a plugin left something behind that the interpreter would wait for."""
    sleep = monkey.get_original("time", "sleep")

    def end() -> None:
        sleep(_LAST_GRACE_S)
        os._exit(0)

    monkey.get_original("_thread", "start_new_thread")(end, ())
