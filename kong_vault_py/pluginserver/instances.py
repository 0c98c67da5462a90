"""Plugin instances: one per plugin config, made by Kong's StartInstance."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import gevent
from kong_pdk.exception import PluginServerException

from kong_vault_py.pluginserver.events import random_base
from kong_vault_py.pluginserver.making import Maker
from kong_vault_py.pluginserver.plugins import Catalog, Plugin
from kong_vault_py.pluginserver.protocol import error_frame, pack, result_frame
from kong_vault_py.pluginserver.resolved_fields import ResolvedFields
from kong_vault_py.pluginserver.runner import Phase

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection

__all__ = ["MOST_INSTANCES", "Instance", "Instances", "as_id"]

log = logging.getLogger(__name__)

#: By default. A Kong worker that is killed never closes those it started.
MOST_INSTANCES = 10_000
_EVICTED_AT_ONCE = 20
#: After that Kong asks for the instance again, and the constructor gets another chance.
_STAND_IN_S = 5.0


class Instance:
    """A running plugin instance.

    Attributes:
        plugin: whose; ``None`` for a plugin that can't be loaded and fails open.
        told: what Kong was told about it.
        fields: those of its config that Kong resolved from references.
    """

    def __init__(self, instance_id: int, plugin: Plugin | None, told: dict[str, Any], fields: ResolvedFields) -> None:
        self.plugin = plugin
        self.told = {**told, "Id": instance_id}
        self.fields = fields


class Instances:
    """All plugin instances of this process.

    Args:
        catalog: the plugins.
        maker: makes them.
        tick: returns the events' coarse time.
        most: how many are kept; of more, those that were not used for longest go, and Kong starts them again.

    Attributes:
        phases: instance id -> phase name -> what HandleEvent runs.
        changed: called when phases that were there are no more, or others.
        started: called for each new instance.
        leaving: called with phases that nobody will call again.
    """

    def __init__(
        self, catalog: Catalog, maker: Maker, tick: Callable[[], int] = lambda: 0, *, most: int = MOST_INSTANCES
    ) -> None:
        self.phases: dict[int, dict[str, Phase]] = {}
        self.changed: Callable[[], None] = lambda: None
        self.started: Callable[[Instance], None] = lambda _instance: None
        self.leaving: Callable[[dict[str, Phase]], None] = lambda _phases: None
        self._catalog = catalog
        self._maker = maker
        self._tick = tick
        self._most = most
        self._instances: dict[int, Instance] = {}
        self._last_id = random_base()

    def __len__(self) -> int:
        return len(self._instances)

    def __iter__(self) -> Iterator[tuple[int, Instance]]:
        return iter(list(self._instances.items()))

    def start(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        """Start an instance of ``Name`` with ``Config`` (JSON text), beside the events; its greenlet answers.

        Raises:
            PluginServerException: no such plugin, a broken one, or no such config.
        """
        name = argument["Name"]
        config = _parse_config(name, argument["Config"])
        gevent.spawn(self._start, connection, msgid, name, self._plugin(name), config)

    def close(self, number: Any) -> dict[str, Any] | None:
        """Forget an instance; its events in flight go on. Returns what Kong is told, ``None`` if there is none."""
        instance = self._instances.pop(number, None)
        if instance is None:
            return None
        self.leaving(self.phases.pop(number))
        self.changed()
        log.debug("instance %d of plugin '%s' closed", number, instance.told["Name"])
        return {key: instance.told[key] for key in ("Name", "Id", "Config")}

    def close_all_of(self, name: str) -> None:
        """Forget a plugin's instances: Kong starts them again when it needs them."""
        for number, instance in self:
            if instance.told["Name"] == name:
                self.close(number)

    def describe(self, number: Any) -> dict[str, Any] | None:
        """Return what another worker needs to start the same instance; ``None``: there is no such one."""
        instance = self._instances.get(number)
        return instance.told if instance is not None else None

    def adopt(self, number: int, told: dict[str, Any], then: Callable[[], None]) -> None:
        """Start another worker's instance here too, and call ``then`` in the hub, whether or not that went well."""
        gevent.spawn(self._adopt, number, told).rawlink(lambda _greenlet: then())

    def make_again(self, number: int, config: dict[str, Any]) -> str | None:
        """Make an instance anew with another config, and put it in the old one's place between two events.

        Returns why that isn't possible, ``None`` if it was.
        """
        instance = self._instances[number]
        assert instance.plugin is not None
        made, problem = self._maker.make(instance.plugin, config)
        if problem is None and self._instances.get(number) is instance:
            self._set_phases(number, self._maker.phases(instance.plugin, made, self._tick()))
        return problem

    def unknown(self, instance_id: Any) -> PluginServerException:
        """Return the error at which Kong starts the instance again and repeats the event."""
        return PluginServerException(f"no plugin instance #{str(instance_id)[:40]}: Kong is to start it again")

    def status(self) -> dict[str, list[int]]:
        """Return the instances' ids by plugin."""
        ids: dict[str, list[int]] = {name: [] for name in self._catalog.plugins}
        for number, instance in self._instances.items():
            ids.setdefault(instance.told["Name"], []).append(number)
        return ids

    def _plugin(self, name: Any) -> Plugin | None:
        """Return a plugin, ``None`` for a broken one that fails open."""
        plugin = self._catalog.plugins.get(name)
        if plugin is None:
            reason = self._catalog.broken.get(name)
            if reason is None:
                raise PluginServerException(f"no plugin {str(name)[:100]!r} in the plugins directory")
            if not self._maker.fails_open(name, None):
                raise PluginServerException(reason)
        return plugin

    def _start(
        self, connection: Connection, msgid: int, name: str, plugin: Plugin | None, config: dict[str, Any]
    ) -> None:
        """Answer exactly once, whatever the constructor does and however long it takes."""
        told = {"Name": name, "Config": json.loads(json.dumps(config)), "StartTime": time.time()}
        phases, problem = self._make(name, plugin, config)
        if phases is None:
            connection.write(error_frame(msgid, f"plugin '{name}' can't start: {problem}"))
            return
        self._last_id = number = self._last_id + 1
        if connection.write(result_frame(msgid, pack({**told, "Id": number}))):
            self._keep(number, plugin, told, phases, standing_in=problem is not None)

    def _adopt(self, number: int, told: dict[str, Any]) -> None:
        name = told["Name"]
        plugin = self._plugin(name)
        phases, problem = self._make(name, plugin, json.loads(json.dumps(told["Config"])))
        if phases is not None:
            self._keep(number, plugin, told, phases, standing_in=problem is not None)

    def _make(
        self, name: str, plugin: Plugin | None, config: dict[str, Any]
    ) -> tuple[dict[str, Phase] | None, str | None]:
        """Return the phases, or why there are none; both for a plugin that fails open."""
        made, problem = self._maker.make(plugin, config) if plugin else (None, self._catalog.broken[name])
        if problem is None:
            assert plugin is not None
            return self._maker.phases(plugin, made, self._tick()), None
        log.warning("plugin '%s' can't start: %s", name, problem)
        if not self._maker.fails_open(name, plugin):
            return None, problem
        return self._maker.stand_in(name, plugin, problem, self._tick()), problem

    def _keep(
        self, number: int, plugin: Plugin | None, told: dict[str, Any], phases: dict[str, Phase], *, standing_in: bool
    ) -> None:
        fields = ResolvedFields(told["Config"], max(0.0, time.time() - told["StartTime"]))
        instance = Instance(number, plugin, told, fields)
        self._instances[number] = instance
        self.phases[number] = phases
        log.debug("instance %d of plugin '%s' started", number, told["Name"])
        if standing_in:
            gevent.spawn_later(_STAND_IN_S, self.close, number)
        else:
            self.started(instance)
        if len(self._instances) > self._most:
            self._evict()

    def _set_phases(self, number: int, phases: dict[str, Phase]) -> None:
        self.leaving(self.phases[number])
        self.phases[number] = phases
        self.changed()

    def _evict(self) -> None:
        """Close a few of the instances that were not used for longest. Not one by one: looking for them costs."""
        used = {number: max(phase.tick for phase in phases.values()) for number, phases in self.phases.items()}
        oldest = sorted(used, key=lambda number: (used[number], number))[: max(1, self._most // _EVICTED_AT_ONCE)]
        log.warning(
            "%d instances are kept, more than vault_py_pluginserver_max_instances allows: "
            "%d that were not used for longest are closed, Kong starts them again if it needs them",
            len(used),
            len(oldest),
        )
        for number in oldest:
            self.close(number)


def as_id(value: Any) -> Any:
    """Return an id that came as text as the number it is."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value


def _parse_config(name: Any, text: Any) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (TypeError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise PluginServerException(f"plugin {str(name)[:100]!r}: Config must be the text of a JSON object")
    return config
