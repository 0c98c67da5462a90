"""Kong gives an RPC its time; what a reply does that comes later, or never."""

from __future__ import annotations

from tests.gateway.asking import ask
from tests.gateway.faulty import Running, answering, errors
from tests.gateway.server_double import Request, ScriptedPlugin, result, ret


def test_late_reply_spoils_the_request_that_takes_its_connection(running: Running) -> None:
    held_back: list[Request] = []
    plugin = ScriptedPlugin()

    def handler(request: Request) -> bytes | None:
        phase = request.argument.get("EventName")
        if phase == "access":
            held_back.append(request)
            return b""
        # The reply to access comes when response already waits on that connection.
        return result(held_back[0], ret()) if phase == "response" else plugin(request)

    gateway, double = running(handler, rpc_timeout_s=0.2)

    assert ask(gateway.url).status == 500

    assert errors(gateway) == ["no data", "unexpected RPC response ID from Go plugin server"]
    used = [request.connection for request in double.requests if request.method == "plugin.HandleEvent"]
    assert used[1] == used[2]


def test_reply_to_nobody_makes_kong_drop_the_connection(running: Running) -> None:
    held_back: list[Request] = []
    plugin = ScriptedPlugin()

    def handler(request: Request) -> bytes | None:
        if request.argument.get("EventName") == "access" and not held_back:
            held_back.append(request)
            return b""
        return plugin(request)

    gateway, double = running(handler, rpc_timeout_s=0.2)
    ask(gateway.url)
    gateway.drain()
    before = double.opened

    double.send_unasked(result(held_back[0], ret()))

    assert ask(gateway.url).status == 200
    assert double.opened == before + 1


def test_phase_that_times_out_is_skipped(running: Running) -> None:
    """What a hanging plugin does to a Kong: the phase takes the whole time-out, then the request goes on."""
    gateway, _ = running(answering("access", lambda _: b""), rpc_timeout_s=0.2)

    assert ask(gateway.url).status == 200
    assert errors(gateway) == ["no data"]
