"""Servers that misbehave in one phase, and a gateway in front of them."""

from __future__ import annotations

from collections.abc import Callable

from kong_vault_py.testing import Gateway
from tests.gateway.server_double import Handler, Request, ScriptedPlugin, ServerDouble

StartGateway = Callable[..., Gateway]
StartServer = Callable[[Handler], ServerDouble]


def answering(phase: str, answer: Callable[[Request], bytes | None]) -> Handler:
    """Return a handler that behaves, but for the HandleEvent of one phase."""
    plugin = ScriptedPlugin()

    def handle(request: Request) -> bytes | None:
        at_fault = request.method == "plugin.HandleEvent" and request.argument["EventName"] == phase
        return answer(request) if at_fault else plugin(request)

    return handle


def errors(gateway: Gateway) -> list[str]:
    return [line.message for line in gateway.logs if line.level == "err"]


#: Starts a server with a handler, and a gateway with the global plugin "demo" and a route for every path.
Running = Callable[..., tuple[Gateway, ServerDouble]]
