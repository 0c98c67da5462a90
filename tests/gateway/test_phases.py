"""Which plugin runs when: priorities, global plugins and those of a route, short circuits, routes without plugins."""

from __future__ import annotations

from collections.abc import Callable

from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity
from tests.gateway.asking import ask
from tests.gateway.dumps import DUMP
from tests.gateway.server_double import Handler, ScriptedPlugin, ServerDouble
from tests.gateway.several_plugins import Plugins, dump


def test_higher_priority_runs_first_and_equal_ones_by_name_backwards(
    plugins: Plugins, gateway: Callable[..., Gateway]
) -> None:
    one = gateway(dump=dump(low=1, high=9, b=5, a=5))
    one.add_route("/", [PluginEntity(name) for name in ("low", "a", "high", "b")])

    ask(one.url)
    one.drain()

    assert [event for event in plugins.events if event.endswith("access")] == [
        "high access",
        "b access",
        "a access",
        "low access",
    ]


def test_rewrite_runs_global_plugins_only(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    one = gateway(dump=dump(everywhere=2, here=1))
    one.add_plugin("everywhere")
    one.add_route("/", [PluginEntity("here")])

    ask(one.url)
    one.drain()

    assert plugins.events[:5] == [
        "everywhere rewrite",
        "everywhere access",
        "here access",
        "everywhere response",
        "here response",
    ]


def test_entity_of_the_route_replaces_the_global_one(
    server: Callable[[Handler], ServerDouble], gateway: Callable[..., Gateway]
) -> None:
    double, one = server(ScriptedPlugin()), gateway()
    one.add_plugin("demo", {"message": "global"})
    one.add_route("/", [PluginEntity("demo", {"message": "route"})])

    ask(one.url)
    one.drain()

    by_instance = [
        (request.argument["InstanceId"], request.argument["EventName"])
        for request in double.requests
        if "EventName" in request.argument
    ]
    assert by_instance == [(0, "rewrite"), (1, "access"), (1, "response"), (1, "log")]


def test_short_circuit_skips_the_others_access_but_not_their_log(
    plugins: Plugins, gateway: Callable[..., Gateway], upstream: EchoUpstream
) -> None:
    plugins.exits["first access"] = ("kong.response.exit", 403, "no")
    one = gateway(dump=dump(first=9, second=1))
    one.add_route("/", [PluginEntity("first"), PluginEntity("second")])

    assert ask(one.url).status == 403
    one.drain()

    assert sorted(plugins.events) == ["first access", "first log", "second log"]
    assert upstream.requests == []


def test_exit_in_rewrite_ends_the_request_before_its_route(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    plugins.exits["demo rewrite"] = ("kong.response.exit", 451)
    one = gateway()
    one.add_plugin("demo")

    assert ask(one.url).status == 451
    one.drain()
    assert plugins.events == ["demo rewrite", "demo log"]


def test_exit_in_response_replaces_the_answer(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    plugins.exits["demo response"] = ("kong.response.exit", 502, {"error": "bad answer"})
    one = gateway()
    one.add_route("/", [PluginEntity("demo")])

    answer = ask(one.url)

    assert (answer.status, answer.json()) == (502, {"error": "bad answer"})


def test_response_phase_runs_when_the_upstream_failed(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    plugins.exits["demo response"] = ("kong.service.response.get_status",)
    one = gateway(upstream="http://127.0.0.1:1")
    one.add_route("/", [PluginEntity("demo")])

    assert ask(one.url).status == 502
    assert plugins.script.results == [("plugin.Step", 502)]


def test_log_phase_of_an_unbuffered_response(
    server: Callable[[Handler], ServerDouble], gateway: Callable[..., Gateway]
) -> None:
    """Without a response phase Nginx alone knows the upstream's answer, and it is gone in the log timer."""
    plugin = ScriptedPlugin(log=[("kong.response.get_status",), ("kong.service.response.get_status",)])
    server(plugin)
    one = gateway(dump=[{**DUMP[0], "Phases": ["log"]}])
    one.add_route("/", [PluginEntity("demo")])

    assert ask(one.url).status == 200
    one.drain()
    assert plugin.results == [("plugin.Step", 200)]
    assert [line.level for line in one.logs] == ["err"]
