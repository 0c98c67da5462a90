"""The gateway as a test's tool: what it records, waiting for its end, its own failures."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

import kong_vault_py.testing
from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.gateway.asking import ask
from tests.gateway.dumps import DUMP
from tests.gateway.server_double import Handler, Request, ScriptedPlugin, ServerDouble
from tests.gateway.several_plugins import Plugins


def test_concurrent_requests_share_one_instance(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    one = gateway(dump=[{**DUMP[0], "Phases": ["access"]}])
    one.add_route("/", [PluginEntity("demo")])
    statuses: list[int] = []
    threads = [threading.Thread(target=lambda: statuses.append(ask(one.url).status)) for _ in range(8)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)

    assert statuses == [200] * 8
    assert list(plugins.names.values()) == ["demo"]


def test_removed_plugin_runs_no_more(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    one = gateway()
    entity = one.add_plugin("demo")
    one.add_route("/")
    one.remove_plugin(entity)

    assert ask(one.url).status == 200
    assert plugins.events == []


def test_clear_forgets_what_was_recorded(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    plugins.exits["demo access"] = ("kong.log.err", "x")
    one = gateway()
    one.add_route("/", [PluginEntity("demo")])
    ask(one.url)
    one.drain()
    assert (len(one.logs), len(one.calls), len(one.rpcs) > 2) == (1, 1, True)

    one.clear()

    assert (one.logs, one.calls, one.rpcs) == ([], [], [])


def test_gateway_that_fails_itself_says_so(gateway: Callable[..., Gateway]) -> None:
    """A bug of the test, here in its vault, must not look like a plugin's failure."""

    def broken(reference: str) -> str:
        raise RuntimeError(reference)

    fields = [{"config": {"type": "record", "fields": [{"key": {"type": "string", "referenceable": True}}]}}]
    one = gateway(dump=[{**DUMP[0], "Schema": {"name": "demo", "fields": fields}}], vault=broken)
    one.add_plugin("demo", {"key": "{vault://env/x}"})

    assert ask(one.url).status == 500
    assert [line.level for line in one.logs] == ["crit"]
    one.drain()


def test_drain_does_not_wait_for_ever(gateway: Callable[..., Gateway]) -> None:
    entered, release = threading.Event(), threading.Event()

    def slow(_: UpstreamRequest) -> Answer:
        entered.set()
        release.wait(10)
        return Answer()

    with EchoUpstream(slow) as upstream:
        one = gateway(upstream=upstream.url)
        one.add_route("/")
        asking = threading.Thread(target=ask, args=(one.url,))
        asking.start()
        assert entered.wait(5)
        with pytest.raises(TimeoutError, match="a request still runs"):
            one.drain(0.01)
        release.set()
        asking.join(10)


def test_drain_waits_for_log_phases(server: Callable[[Handler], ServerDouble], gateway: Callable[..., Gateway]) -> None:
    plugin, release = ScriptedPlugin(), threading.Event()

    def slow(request: Request) -> bytes | None:
        if request.argument.get("EventName") == "log":
            release.wait(10)
        return plugin(request)

    server(slow)
    one = gateway()
    one.add_route("/", [PluginEntity("demo")])
    ask(one.url)
    with pytest.raises(TimeoutError, match="log phase of demo still runs"):
        one.drain(0.01)
    release.set()
    one.drain()


def test_unknown_public_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'Nothing'"):
        _ = kong_vault_py.testing.Nothing
