"""Plugin instances: one per plugin config, made by Kong's StartInstance."""

from __future__ import annotations

import functools
import json
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from kong_pdk.exception import PluginServerException

from kong_vault_py.pluginserver.events import random_base
from kong_vault_py.pluginserver.failure import explain, one_line
from kong_vault_py.pluginserver.pdk import Node, build_tree
from kong_vault_py.pluginserver.plugins import Catalog, Plugin
from kong_vault_py.pluginserver.protocol import error_frame, pack, result_frame
from kong_vault_py.pluginserver.runner import Phase

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection

__all__ = ["Instances"]

log = logging.getLogger(__name__)


class _Instance:
    """A running plugin instance, as kong_pdk makes it, and what Kong is told about it."""

    def __init__(self, instance_id: int, plugin: Plugin, made: Any, told: dict[str, Any]) -> None:
        self.plugin = plugin
        self.made = made
        self.told = {**told, "Id": instance_id}


class Instances:
    """All plugin instances of this process.

    Args:
        catalog: the plugins.
        lua_style: what PDK calls return in plugins that don't say so themselves.
        timeout_s: how long a plugin's constructor may take.

    Attributes:
        phases: instance id -> phase name -> what HandleEvent runs.
    """

    def __init__(self, catalog: Catalog, *, lua_style: bool, timeout_s: float) -> None:
        self.phases: dict[int, dict[str, Phase]] = {}
        self._catalog = catalog
        self._lua_style = lua_style
        self._timeout_s = timeout_s
        self._trees: dict[bool, Node] = {}
        self._instances: dict[int, _Instance] = {}
        self._last_id = random_base()

    def start(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        """Start an instance of ``Name`` with ``Config`` (JSON text), beside the events; its greenlet answers.

        Raises:
            PluginServerException: no such plugin, a broken one, or no such config.
        """
        plugin = self._plugin(argument["Name"])
        config = _parse_config(plugin.name, argument["Config"])
        gevent.spawn(self._start, connection, msgid, plugin, config)

    def close(self, number: Any) -> dict[str, Any] | None:
        """Forget an instance; its events in flight go on. Returns what Kong is told, ``None`` if there is none."""
        instance = self._instances.pop(number, None)
        if instance is None:
            return None
        del self.phases[number]
        instance.made.close_cb()
        log.debug("instance %d of plugin '%s' closed", number, instance.plugin.name)
        return {key: instance.told[key] for key in ("Name", "Id", "Config")}

    def describe(self, number: Any) -> dict[str, Any] | None:
        """Return what another worker needs to start the same instance; ``None``: there is no such one."""
        instance = self._instances.get(number)
        return instance.told if instance is not None else None

    def adopt(self, number: int, told: dict[str, Any], then: Callable[[], None]) -> None:
        """Start another worker's instance here too, and call ``then`` in the hub, whether or not that went well."""
        gevent.spawn(self._adopt, number, told).rawlink(lambda _greenlet: then())

    def unknown(self, instance_id: Any) -> PluginServerException:
        """Return the error at which Kong starts the instance again and repeats the event."""
        return PluginServerException(f"no plugin instance #{str(instance_id)[:40]}: Kong is to start it again")

    def status(self) -> dict[str, list[int]]:
        """Return the instances' ids by plugin."""
        ids: dict[str, list[int]] = {name: [] for name in self._catalog.plugins}
        for number, instance in self._instances.items():
            ids[instance.plugin.name].append(number)
        return ids

    def _plugin(self, name: Any) -> Plugin:
        plugin = self._catalog.plugins.get(name)
        if plugin is None:
            reason = self._catalog.broken.get(name)
            raise PluginServerException(reason or f"no plugin {str(name)[:100]!r} in the plugins directory")
        return plugin

    def _start(self, connection: Connection, msgid: int, plugin: Plugin, config: dict[str, Any]) -> None:
        """Answer exactly once, whatever the constructor does and however long it takes."""
        told = {"Name": plugin.name, "Config": json.loads(json.dumps(config)), "StartTime": time.time()}
        made, problem = self._make_in_time(plugin, config)
        if problem:
            log.warning("plugin '%s' can't start: %s", plugin.name, problem)
            connection.write(error_frame(msgid, f"plugin '{plugin.name}' can't start: {problem}"))
            return
        self._last_id = number = self._last_id + 1
        instance = _Instance(number, plugin, made, told)
        if connection.write(result_frame(msgid, pack(instance.told))):
            self._keep(number, instance)

    def _adopt(self, number: int, told: dict[str, Any]) -> None:
        plugin = self._plugin(told["Name"])
        made, problem = self._make_in_time(plugin, json.loads(json.dumps(told["Config"])))
        if problem:
            log.warning("plugin '%s' can't start in this worker: %s", plugin.name, problem)
        else:
            self._keep(number, _Instance(number, plugin, made, told))

    def _make_in_time(self, plugin: Plugin, config: dict[str, Any]) -> tuple[Any, str | None]:
        maker = gevent.spawn(_make, plugin, config)
        maker.join(self._timeout_s)
        made = maker.value or (None, f"its constructor did not finish within {self._timeout_s:g} s")
        maker.kill(block=False)
        return made

    def _keep(self, number: int, instance: _Instance) -> None:
        self._instances[number] = instance
        self.phases[number] = self._phases_of(instance.plugin, instance.made)
        log.debug("instance %d of plugin '%s' started", number, instance.plugin.name)

    def _phases_of(self, plugin: Plugin, made: Any) -> dict[str, Phase]:
        kong = self._tree(self._lua_style if plugin.lua_style is None else bool(plugin.lua_style))
        return {
            name: Phase(plugin.name, name, str(plugin.path), functools.partial(getattr(made.cls, name), kong))
            for name in plugin.module.phases
        }

    def _tree(self, lua_style: bool) -> Node:
        if lua_style not in self._trees:
            self._trees[lua_style] = build_tree(lua_style=lua_style)
        return self._trees[lua_style]


def as_id(value: Any) -> Any:
    """Return an id that came as text as the number it is."""
    return int(value) if isinstance(value, str) and value.isdecimal() and len(value) < 20 else value


def _parse_config(name: str, text: Any) -> dict[str, Any]:
    try:
        config = json.loads(text)
    except (TypeError, ValueError):
        config = None
    if not isinstance(config, dict):
        raise PluginServerException(f"plugin '{name}': Config must be the text of a JSON object")
    return config


def _make(plugin: Plugin, config: dict[str, Any]) -> tuple[Any, str | None]:
    try:
        return plugin.module.new(config), None
    except BaseException as error:  # SystemExit too: a plugin must not end the server
        log.debug("plugin '%s': its constructor raised", plugin.name, exc_info=error)
        return None, one_line(explain(error, str(plugin.path)))
