"""The serving process, once it is patched for gevent. Import it from ``serve`` only."""

from __future__ import annotations

import contextlib
import logging
import os
import signal
from collections.abc import Iterator
from typing import Any

import gevent
from gevent import monkey
from gevent.event import Event

from kong_vault_py.plugin import install_vault
from kong_vault_py.pluginserver.dispatch import Dispatcher
from kong_vault_py.pluginserver.dump import write_dumps
from kong_vault_py.pluginserver.events import Events
from kong_vault_py.pluginserver.instances import Instances
from kong_vault_py.pluginserver.plugins import Catalog, load_all
from kong_vault_py.pluginserver.serve import ServeOptions
from kong_vault_py.pluginserver.server import Server
from kong_vault_py.pluginserver.socket_file import SocketFile
from kong_vault_py.settings import Settings
from kong_vault_py.vault import Vault

__all__ = ["run"]

log = logging.getLogger(__name__)

_GRACE_S = 5.0
_PARENT_POLL_S = 1.0
#: After the graceful stop: threads that plugins left running don't keep the process.
_LAST_GRACE_S = 2.0
_INIT_PID = 1


def run(options: ServeOptions) -> None:
    """See ``serve.serve``."""
    _tighten_umask()
    hub = gevent.get_hub()
    _survive_greenlets(hub)
    with _installed_vault(options):
        catalog = _load(options)
        stop = Event()
        watchers = _watch_signals(hub, stop) + _watch_parent(hub, stop, options.watch_parent)
        _serve(hub, options, catalog, stop)
        for watcher in watchers:
            watcher.stop()
            watcher.close()
    _leave_surely()


def _serve(hub: Any, options: ServeOptions, catalog: Catalog, stop: Event) -> None:
    events = Events(hub, options.event_timeout_s)
    instances = Instances(catalog, lua_style=options.lua_style, timeout_s=options.event_timeout_s)
    socket_file = SocketFile(options.socket, mode=options.socket_mode, group=options.socket_group)
    server = Server(hub, socket_file.listen(), Dispatcher(catalog, instances, events).dispatch, events)
    server.start()
    log.info("serving %d plugins on %s", len(catalog.plugins), options.socket)
    stop.wait()
    log.info("stopping")
    socket_file.remove()
    server.stop(_GRACE_S)


@contextlib.contextmanager
def _installed_vault(options: ServeOptions) -> Iterator[None]:
    """Give the plugins the process's vault, for as long as the server runs."""
    with Vault(Settings.load(options.settings)) as vault:
        install_vault(vault)
        vault.preload()
        try:
            yield
        finally:
            install_vault(None)


def _load(options: ServeOptions) -> Catalog:
    catalog = load_all(options.directories)
    for reason in catalog.broken.values():
        log.error("%s", reason)
    if options.dumps is not None:
        write_dumps(options.dumps, catalog.plugins.values())
    return catalog


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


def _watch_signals(hub: Any, stop: Event) -> list[Any]:
    watchers = []
    for number in (signal.SIGTERM, signal.SIGINT):
        watcher = hub.loop.signal(number)
        watcher.start(stop.set)
        watchers.append(watcher)
    return watchers


def _watch_parent(hub: Any, stop: Event, wanted: bool) -> list[Any]:
    """Stop when the parent dies: Kong's worker does not take its server along."""
    parent = os.getppid()
    if not wanted or parent <= _INIT_PID:
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
