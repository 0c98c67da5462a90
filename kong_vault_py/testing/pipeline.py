"""The phases of one request, and which plugins run in each.

Follows ``Kong.rewrite``, ``Kong.access``, ``Kong.response`` and ``Kong.log`` of ``kong/init.lua`` and
``kong/runloop/plugins_iterator.lua``: rewrite runs the global plugins only; access runs those of the route, a
route's own entity in place of the global one of that plugin; response and log run the plugins that access passed by,
those after a short circuit too.
"""

from __future__ import annotations

import dataclasses
import threading
import time
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from kong_vault_py.testing.bridge import Bridge
from kong_vault_py.testing.context import RequestContext, ServiceResponse, Upstream
from kong_vault_py.testing.entities import Route, Service
from kong_vault_py.testing.failures import LuaError, ResponseExit
from kong_vault_py.testing.pdk.response import error
from kong_vault_py.testing.proxy import fetch
from kong_vault_py.testing.respond import produce
from kong_vault_py.testing.serialize import serialize
from kong_vault_py.testing.uri import escape_path, normalize_path

__all__ = ["Pipeline", "PlannedPlugin", "Plugins"]


class PlannedPlugin(NamedTuple):
    """A plugin with the config that counts for this request."""

    name: str
    phases: frozenset[str]
    bridge: Bridge
    config: Mapping[str, Any]


class Plugins(Protocol):
    """What the pipeline wants to know of the gateway's entities."""

    def match(self, path: str) -> Route | None:
        """Return the route of a path."""

    def planned(self, route: Route | None) -> Sequence[PlannedPlugin]:
        """Return the plugins of a route (``None``: the global ones) by priority, secrets in their configs fresh."""


class Pipeline:
    """Runs requests through their phases."""

    def __init__(self, plugins: Plugins) -> None:
        self._plugins = plugins

    def run(self, context: RequestContext) -> Sequence[PlannedPlugin]:
        """Fill ``context.response``, and return the plugins whose log phase is due once it is sent."""
        context.phase = "rewrite"
        later = self._plugins.planned(None)
        try:
            for plugin in later:
                self._event(plugin, context)
            context.route = self._plugins.match(normalize_path(context.raw_path))
            if context.route is None:
                raise error(context, 404, "no Route matched with those values")
            later = self._plugins.planned(context.route)
            self._access(later, context)
            if context.route.service is None:
                raise error(context, 503, "no Service found with those values")
            self._proxy(context)
            self._response(later, context)
        except ResponseExit as answer:
            produce(context, answer)
        except LuaError as failure:
            context.node.log.write("err", str(failure), context.plugin_name or None)
            context.unexpected = True
            produce(context, error(context, 500))
        return later

    def _event(self, plugin: PlannedPlugin, context: RequestContext) -> None:
        if context.phase not in plugin.phases:
            return
        context.plugin_name, context.plugin_id = plugin.name, str(plugin.config["__plugin_id"])
        plugin.bridge.handle_event(plugin.config, context)
        context.plugin_name = context.plugin_id = ""

    def _access(self, plugins: Sequence[PlannedPlugin], context: RequestContext) -> None:
        route = context.route
        if route is not None and route.service is not None:
            chosen = context.upstream
            context.upstream = _upstream(route, route.service, context)
            context.upstream.host_header = chosen.host_header
        context.phase = "access"
        context.buffered = context.buffered or any("response" in plugin.phases for plugin in plugins)
        for plugin in plugins:
            self._event(plugin, context)

    def _proxy(self, context: RequestContext) -> None:
        context.proxied = True
        started = time.monotonic()
        context.latencies_ms["kong"] = int((time.time() - context.started_at) * 1000)
        answer = fetch(context)
        context.latencies_ms["proxy"] = int((time.monotonic() - started) * 1000)
        if isinstance(answer, int):
            context.unexpected = True
            produce(context, error(context, answer))
            # Buffered, the failure's page is what the response phase sees as the upstream's answer.
            context.service_response = ServiceResponse(answer, context.response.headers.copy(), b"")
            return
        context.service_response = answer
        context.response.status = answer.status
        for name, _ in answer.headers:
            context.response.headers.set(name, answer.headers.get_all(name))
        context.response.body = answer.body

    def _response(self, plugins: Sequence[PlannedPlugin], context: RequestContext) -> None:
        context.phase = "response"
        if context.buffered:
            for plugin in plugins:
                self._event(plugin, context)

    def log(self, plugins: Sequence[PlannedPlugin], context: RequestContext) -> list[threading.Thread]:
        """Start the log phase of each plugin, a timer of its own each, and return the threads."""
        context.phase, context.plugin_name = "log", ""
        # Nginx has let go of the connection by now, and says so whatever it told the client.
        context.response.headers.set("Connection", "close")
        context.latencies_ms["request"] = int((time.time() - context.started_at) * 1000)
        due = [plugin for plugin in plugins if "log" in plugin.phases]
        try:
            context.serialized = serialize(context) if due else ""
        except LuaError as failure:
            context.node.log.write("err", str(failure))
            return []
        return [self._start_log(plugin, context) for plugin in due]

    def _start_log(self, plugin: PlannedPlugin, context: RequestContext) -> threading.Thread:
        saved = dataclasses.replace(context, timer=True, ngx_ctx=dict(context.ngx_ctx))

        def timer() -> None:
            try:
                self._event(plugin, saved)
            except (LuaError, ResponseExit) as failure:
                saved.node.log.write("err", str(failure), plugin.name)

        thread = threading.Thread(target=timer, name=f"log phase of {plugin.name}", daemon=True)
        thread.start()
        return thread


def _upstream(route: Route, service: Service, context: RequestContext) -> Upstream:
    path = normalize_path(context.raw_path)
    rest = path[len(route.path) :] if route.strip_path else path
    return Upstream(
        scheme=service.scheme,
        host=service.host,
        port=service.port,
        path=escape_path(service.path + "/" + rest.lstrip("/")),  # kong/runloop/handler.lua, access.before
    )
