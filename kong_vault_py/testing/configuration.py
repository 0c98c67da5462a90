"""A gateway's entities and what follows from them: which route a path takes, which plugins run with which config."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.testing.bridge import Bridge
from kong_vault_py.testing.entities import PluginEntity, Route
from kong_vault_py.testing.pipeline import PlannedPlugin
from kong_vault_py.testing.plugin_config import instance_config
from kong_vault_py.testing.schema import complete, config_fields, validate

__all__ = ["Configuration", "LoadedPlugin"]


@dataclass(frozen=True)
class LoadedPlugin:
    """A plugin that a server's dump offers, and the bridge to it."""

    name: str
    priority: float
    phases: frozenset[str]
    fields: list[Mapping[str, Mapping[str, Any]]]
    bridge: Bridge

    @classmethod
    def from_dump(cls, info: Mapping[str, Any], bridge: Bridge) -> LoadedPlugin:
        """Return the plugin of one element of a dump."""
        phases = frozenset(info.get("Phases", ()))
        return cls(str(info["Name"]), info.get("Priority", 0), phases, config_fields(info), bridge)


@dataclass(frozen=True)
class _Active:
    entity: PluginEntity
    route: Route | None
    config: Mapping[str, Any]
    seq: int


class Configuration:
    """The entities; the first request after a change numbers all plugin configs anew, as each rebuild in Kong does.

    Args:
        resolve: looks vault references up.
    """

    def __init__(self, resolve: Callable[[str], str | None]) -> None:
        self._resolve = resolve
        self._loaded: dict[str, LoadedPlugin] = {}
        self._routes: list[Route] = []
        self._entities: list[tuple[PluginEntity, Route | None]] = []
        self._active: list[_Active] = []
        # Kong has built its plugin list once, empty, before it reads its first configuration.
        self._numbers = itertools.count(2)
        self._changed = False
        self._lock = threading.Lock()

    def load(self, plugin: LoadedPlugin) -> None:
        """Make a plugin known."""
        self._loaded[plugin.name] = plugin

    def add_route(self, route: Route) -> None:
        """Add a route with its plugin entities; the longest path is matched first."""
        checked = [(entity, route) for entity in route.plugins]
        for entity, _ in checked:
            self._checked_config(entity)
        with self._lock:
            self._routes = sorted([*self._routes, route], key=lambda one: len(one.path), reverse=True)
            self._entities += checked
            self._changed = True

    def add_plugin(self, entity: PluginEntity) -> None:
        """Add a global plugin entity."""
        self._checked_config(entity)
        with self._lock:
            self._entities.append((entity, None))
            self._changed = True

    def remove_plugin(self, entity: PluginEntity) -> None:
        """Remove a plugin entity; Kong closes no instance of it."""
        with self._lock:
            self._entities = [(one, route) for one, route in self._entities if one is not entity]
            self._changed = True

    def update_config(self, entity: PluginEntity, config: Mapping[str, Any]) -> None:
        """Give an entity another config."""
        self._checked_config(PluginEntity(entity.name, config, entity.id))
        with self._lock:
            entity.config = config
            self._changed = True

    def _checked_config(self, entity: PluginEntity) -> dict[str, Any]:
        """Return the entity's config with defaults.

        Raises:
            ConfigError: the plugin is unknown, or its schema does not allow the config.
        """
        if entity.name not in self._loaded:
            known = ", ".join(sorted(self._loaded)) or "none"
            raise ConfigError(f"plugin {entity.name!r} is in use but not in the server's dump (it has: {known})")
        fields = self._loaded[entity.name].fields
        config = complete(fields, entity.config)
        validate(fields, config)
        return config

    def _current(self) -> list[_Active]:
        with self._lock:
            if self._changed:
                self._active = [
                    _Active(entity, route, self._checked_config(entity), next(self._numbers))
                    for entity, route in self._entities
                ]
                self._changed = False
            return self._active

    def match(self, path: str) -> Route | None:
        """Return the route of a path."""
        return next((route for route in self._routes if path.startswith(route.path)), None)

    def planned(self, route: Route | None) -> Sequence[PlannedPlugin]:
        """Return the plugins of a route (``None``: the global ones) by priority, secrets in their configs fresh."""
        chosen: dict[str, _Active] = {}
        for active in self._current():
            if active.route is route or (active.route is None and active.entity.name not in chosen):
                chosen[active.entity.name] = active
        # kong/db/dao/plugins.lua, sort_by_handler_priority: equal priorities by name, backwards.
        ordered = sorted(chosen, key=lambda name: (self._loaded[name].priority, name), reverse=True)
        return [self._planned(chosen[name]) for name in ordered]

    def _planned(self, active: _Active) -> PlannedPlugin:
        plugin = self._loaded[active.entity.name]
        config = instance_config(active.entity, active.route, active.seq, plugin.fields, active.config, self._resolve)
        return PlannedPlugin(plugin.name, plugin.phases, plugin.bridge, config)
