"""From a plugin's config to phases that can run: the constructor in time, the PDK's style, threads and coroutines."""

from __future__ import annotations

import functools
import inspect
import logging
import time
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kong_pdk.exception import PluginServerException

from kong_vault_py.pluginserver.failure import explain, one_line
from kong_vault_py.pluginserver.pdk import Node, build_tree
from kong_vault_py.pluginserver.runner import HeldUp, Phase
from kong_vault_py.pluginserver.stall import Constructing

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.coroutines import Coroutines
    from kong_vault_py.pluginserver.plugins import Plugin
    from kong_vault_py.pluginserver.threads import PluginThreads
    from kong_vault_py.pluginserver.timing import Timings

__all__ = ["Maker", "MakingRules"]

log = logging.getLogger(__name__)

_ALL_PHASES = ("certificate", "rewrite", "access", "response", "preread", "log")


@dataclass(frozen=True)
class MakingRules:
    """How plugins run.

    Attributes:
        lua_style: what PDK calls return in plugins that don't say so themselves.
        timeout_s: how long a constructor may take.
        fail_open: the plugins whose failures let requests go on, beside those that say so themselves.
        shows_traces: tracebacks go into responses.
    """

    lua_style: bool = False
    timeout_s: float = 30.0
    fail_open: Collection[str] = field(default_factory=frozenset)
    shows_traces: bool = False


class Maker:
    """Makes plugin instances.

    Args:
        rules: how they run.
        timings: where phases' times go; ``None``: they are not measured.
    """

    def __init__(self, rules: MakingRules, timings: Timings | None = None) -> None:
        self.trees: dict[bool, Node] = {}
        self._rules = rules
        self._timings = timings
        self._threads: dict[str, PluginThreads] = {}
        self._coroutines: Coroutines | None = None

    def fails_open(self, name: str, plugin: Plugin | None) -> bool:
        """Say whether a plugin's failure lets requests go on."""
        return name in self._rules.fail_open or (plugin is not None and plugin.fails_open)

    def make(self, plugin: Plugin, config: dict[str, Any]) -> tuple[Any, str | None]:
        """Run a plugin's constructor; return what it made, or why it made nothing. Takes no longer than it may."""
        maker = Constructing.spawn(_make, plugin, config)
        maker.join(self._rules.timeout_s)
        made = maker.value or (None, f"its constructor did not finish within {self._rules.timeout_s:g} s")
        maker.kill(block=False)
        return made

    def phases(self, plugin: Plugin, made: Any, tick: int) -> dict[str, Phase]:
        """Return what HandleEvent runs, by phase."""
        return {
            name: self._phase(plugin.name, name, plugin.path, self._call(plugin, getattr(made.cls, name)), plugin, tick)
            for name in plugin.module.phases
        }

    def stand_in(self, name: str, plugin: Plugin | None, problem: str, tick: int) -> dict[str, Phase]:
        """Return phases that do nothing but say why their plugin can't start."""

        def fail() -> None:
            raise PluginServerException(f"it can't start: {problem}")

        path = plugin.path if plugin else Path()
        return {
            phase: self._phase(name, phase, path, fail, plugin, tick)
            for phase in (plugin.module.phases if plugin else _ALL_PHASES)
        }

    def _phase(
        self, plugin_name: str, name: str, path: Path, call: Callable[[], object], plugin: Plugin | None, tick: int
    ) -> Phase:
        phase = Phase(
            plugin_name,
            name,
            str(path),
            call,
            fails_open=self.fails_open(plugin_name, plugin),
            shows_traces=self._rules.shows_traces,
            tick=tick,
        )
        if self._timings is not None:
            phase.call = self._timings.of(plugin_name, name).around(call)
        return phase

    def _call(self, plugin: Plugin, phase: Callable[..., Any]) -> Callable[[], object]:
        tree = self._tree(self._rules.lua_style if plugin.lua_style is None else bool(plugin.lua_style))
        if inspect.iscoroutinefunction(phase):
            if self._coroutines is None:
                from kong_vault_py.pluginserver.coroutines import Coroutines

                self._coroutines = Coroutines()
            return functools.partial(self._coroutines.run, functools.partial(phase, self._coroutines.kong(tree)))
        if plugin.threads:
            if plugin.name not in self._threads:
                from kong_vault_py.pluginserver.threads import PluginThreads

                self._threads[plugin.name] = PluginThreads(plugin.threads)
            threads = self._threads[plugin.name]
            return functools.partial(threads.run, functools.partial(phase, threads.kong(tree)))
        return functools.partial(phase, tree)

    def _tree(self, lua_style: bool) -> Node:
        if lua_style not in self.trees:
            self.trees[lua_style] = build_tree(lua_style=lua_style)
        return self.trees[lua_style]


def _make(plugin: Plugin, config: dict[str, Any]) -> tuple[Any, str | None]:
    began_s = time.monotonic()
    try:
        return plugin.module.new(config), None
    except HeldUp:
        return None, f"its constructor held up all others, and was interrupted after {time.monotonic() - began_s:.1f} s"
    except BaseException as error:  # SystemExit too: a plugin must not end the server
        log.debug("plugin '%s': its constructor raised", plugin.name, exc_info=error)
        return None, one_line(explain(error, str(plugin.path)))
