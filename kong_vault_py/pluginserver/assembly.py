"""One serving process, put together: a server alone, or one worker of several."""

from __future__ import annotations

import _socket
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gevent

from kong_vault_py.plugin import vault
from kong_vault_py.pluginserver.dev import Reloading
from kong_vault_py.pluginserver.dispatch import Dispatcher
from kong_vault_py.pluginserver.events import Events
from kong_vault_py.pluginserver.instances import Instances
from kong_vault_py.pluginserver.last_words import say_last_words
from kong_vault_py.pluginserver.making import Maker, MakingRules
from kong_vault_py.pluginserver.resolved_fields import Freshening
from kong_vault_py.pluginserver.server import Server
from kong_vault_py.pluginserver.sharing import Sharing
from kong_vault_py.pluginserver.stall import StallWatch
from kong_vault_py.pluginserver.status import Observed, together
from kong_vault_py.pluginserver.status_door import ServerMetrics, StatusDoor
from kong_vault_py.pluginserver.timing import Timings

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.plugins import Catalog
    from kong_vault_py.pluginserver.prefork import Worker
    from kong_vault_py.pluginserver.serve import ServeOptions
    from kong_vault_py.settings import RuntimeSettings
    from kong_vault_py.status import FetchEvent, Observer

__all__ = ["Observers", "Serving"]

log = logging.getLogger(__name__)


class Observers:
    """Tells several observers of the vault; those added later as well."""

    def __init__(self, *first: Observer) -> None:
        self._all: list[Observer] = list(first)

    def add(self, observer: Observer) -> None:
        """Tell one more."""
        self._all.append(observer)

    def fetched(self, event: FetchEvent) -> None:
        """Hear of a fetch, and pass it on."""
        for observer in self._all:
            observer.fetched(event)


class Serving:
    """A process's parts, from the events up to the status socket.

    Args:
        options: the command's.
        settings: ours.
        hub: gevent's hub.
        catalog: the plugins.
        observers: of the vault; ours are added.
        worker: what this process was given, if it is one of several.
    """

    def __init__(
        self,
        options: ServeOptions,
        settings: RuntimeSettings,
        hub: Any,
        catalog: Catalog,
        observers: Observers,
        worker: Worker | None = None,
    ) -> None:
        self._options = options
        self._worker = worker
        self._hub = hub
        self._status_path = settings.pluginserver_status_socket if worker is None or worker.index == 0 else None
        timed = bool(settings.pluginserver_status_socket) or options.dev
        timings = Timings() if timed else None
        timeout_s = options.event_timeout_s
        self.events = Events(
            hub,
            timeout_s,
            index=worker.index if worker else 0,
            count=worker.count if worker else 1,
            most=settings.pluginserver_max_events,
        )
        fail_open = frozenset(name.strip() for name in settings.pluginserver_fail_open.split(",") if name.strip())
        maker = Maker(MakingRules(options.lua_style, timeout_s, fail_open, shows_traces=options.dev), timings)
        self.instances = Instances(catalog, maker, lambda: self.events.tick, most=settings.pluginserver_max_instances)
        self.dispatcher = Dispatcher(catalog, self.instances, self.events)
        self.sharing = (
            Sharing(worker, hub.loop, self.dispatcher, self.instances, self.events) if worker is not None else None
        )
        observed = Observed(self.instances, self.events, maker, timings)
        self._statuses: Callable[[], list[dict[str, Any]]] = lambda: [observed.status()]
        if self.sharing is not None:
            self.sharing.status = observed.status
            self._statuses = self.sharing.statuses
        self._observed = observed
        self._freshening = Freshening(self.instances, vault()) if settings.pluginserver_refresh_refs else None
        if self._freshening is not None:
            observers.add(self._freshening)
        self._metrics = ServerMetrics() if self._status_path else None
        if self._metrics is not None:
            observers.add(self._metrics)
        self._reloading = Reloading(options.directories, catalog, self.instances) if options.dev else None
        self._door: StatusDoor | None = None
        self._watch: StallWatch | None = None
        self._server: Server | None = None

    def start(self, listener: _socket.socket, server_pid: int) -> None:
        """Serve Kong, and watch.

        Raises:
            ConfigError: the status socket can't be had.
        """
        if self._status_path and self._metrics is not None:
            self._door = StatusDoor(Path(self._status_path), vault(), self.status, self._metrics)
        server = self._server = Server(
            self._hub,
            listener,
            self.dispatcher,
            self.events,
            server_pid=server_pid,
            alone=self._worker is None,
            busy_poll_us=self._options.busy_poll_us,
        )
        timeout_s = self._options.event_timeout_s
        self._watch = StallWatch(
            lambda: self.events.tick,
            self.events.tick_s,
            timeout_s,
            lambda stalled: say_last_words(server.connections, self.dispatcher, self.events, stalled, timeout_s),
        )
        server.start()
        self._watch.start()
        if self._reloading is not None:
            self._reloading.start()

    def stop(self, grace_s: float, others: Callable[[], None] | None = None) -> None:
        """End as :meth:`Server.stop` does."""
        if self._door is not None:
            self._door.stop()
        if self._reloading is not None:
            self._reloading.stop()
        if self._freshening is not None:
            self._freshening.stop()
        if self._server is not None:
            self._server.stop(grace_s, others)
        if self._watch is not None:
            self._watch.stop()
        if self.sharing is not None:
            self.sharing.peers.close()

    def status(self) -> dict[str, Any]:
        """Return the status of all workers together."""
        return together(self._statuses())

    def log_status(self) -> None:
        """Write this process's status to the log."""
        gevent.spawn(lambda: log.info("status: %s", self._observed.status()))
