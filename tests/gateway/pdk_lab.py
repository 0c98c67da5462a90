"""PDK calls of a scripted plugin in real requests through the gateway."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from kong_vault_py.testing import Consumer, Gateway
from tests.gateway.asking import ask
from tests.gateway.server_double import Handler, ScriptedPlugin, ServerDouble

ABSENT = ScriptedPlugin.ABSENT
CONSUMER = Consumer("ann", "c-1")


class Lab:
    """Runs PDK calls in one phase of a real request and returns the steps they brought."""

    def __init__(self, gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]) -> None:
        self.plugin = ScriptedPlugin()
        server(self.plugin)
        self.gateway = gateway(
            vault={"{vault://env/x}": "sesame"}, consumers=[CONSUMER], upstreams={"other": "http://127.0.0.1:1"}
        )
        self.gateway.add_route("/api", name="api")
        self.entity = self.gateway.add_plugin("demo", {"message": "hi"})

    def run(self, phase: str, *calls: tuple[Any, ...], path: str = "/api/x", **request: Any) -> list[Any]:
        """Send a request whose plugin makes these calls, and return what each of them brought."""
        return self.run_events({phase: list(calls)}, path, **request)

    def run_events(self, events: dict[str, list[tuple[Any, ...]]], path: str = "/api/x", **request: Any) -> list[Any]:
        """Send a request whose plugin makes these calls in these phases."""
        self.plugin.events = events
        self.plugin.results.clear()
        self.answer = ask(self.gateway.url + path, **request)
        self.gateway.drain()
        return [data for _, data in self.plugin.results]

    def one(self, phase: str, *call: Any, **request: Any) -> Any:
        (value,) = self.run(phase, call, **request)
        return value
