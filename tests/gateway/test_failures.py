"""Each row of Kong's failure table: what goes wrong in the plugin server, and what the client gets."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.gateway.asking import ask
from tests.gateway.faulty import Running, StartGateway, StartServer, answering, errors
from tests.gateway.server_double import (
    LastWords,
    Request,
    ScriptedPlugin,
    call,
    failure,
    result,
    ret,
)


def test_all_is_well(running: Running) -> None:
    gateway, double = running(ScriptedPlugin())

    assert ask(gateway.url).status == 200

    gateway.drain()
    assert double.methods() == ["StartInstance"] + ["HandleEvent"] * 4
    assert gateway.logs == []


def test_refused_start_of_an_instance_is_500(running: Running) -> None:
    gateway, double = running(lambda request: failure(request, "constructor raised"))

    answer = ask(gateway.url)

    assert (answer.status, answer.json()["message"]) == (500, "An unexpected error occurred")
    assert "starting instance: constructor raised" in errors(gateway)
    gateway.drain()
    # Nothing is remembered of it: the log phase of this request tries again.
    assert double.methods() == ["StartInstance", "StartInstance"]


def test_server_down_and_no_instance_known_is_500(gateway: StartGateway, upstream: object) -> None:
    one = gateway()
    one.add_route("/", [])
    one.add_plugin("demo")

    assert ask(one.url).status == 500
    assert any(line.startswith("trying to connect: ") for line in errors(one))


def test_server_down_and_instance_known_is_fail_open(running: Running) -> None:
    gateway, double = running(ScriptedPlugin())
    assert ask(gateway.url).status == 200
    gateway.drain()

    double.stop()

    assert ask(gateway.url).status == 200
    assert "No such file or directory" in " ".join(errors(gateway))


def test_server_killed_during_a_request_is_fail_open_and_the_next_one_starts_a_new_instance(
    running: Running, server: StartServer
) -> None:
    gateway, double = running(answering("access", lambda _: None))

    assert ask(gateway.url).status == 200
    assert "no data" in errors(gateway)
    gateway.drain()
    double.stop()

    def reborn(request: Request) -> bytes | None:
        known = "plugin.StartInstance" in [one.method for one in second.requests]
        return plugin(request) if known else failure(request, "no plugin instance #0")

    plugin = ScriptedPlugin()
    second = server(reborn)
    assert ask(gateway.url).status == 200
    gateway.drain()
    assert second.methods() == ["HandleEvent", "StartInstance"] + ["HandleEvent"] * 4


def test_error_text_of_an_event_is_logged_and_the_request_goes_on(running: Running) -> None:
    gateway, _ = running(answering("access", lambda request: failure(request, "something broke")))

    assert ask(gateway.url).status == 200
    assert errors(gateway) == ["something broke"]


@pytest.mark.parametrize("text", ["no plugin instance #0", "No Plugin Instance of that id"])
def test_no_plugin_instance_starts_one_with_current_secrets_and_repeats_the_event(
    gateway: StartGateway, server: StartServer, text: str
) -> None:
    plugin, forgotten = ScriptedPlugin(), threading.Event()

    def handler(request: Request) -> bytes | None:
        if forgotten.is_set():
            forgotten.clear()
            return failure(request, text)
        return plugin(request)

    fields = [{"config": {"type": "record", "fields": [{"key": {"type": "string", "referenceable": True}}]}}]
    dump = [{"Name": "demo", "Phases": ["access"], "Priority": 1, "Schema": {"name": "demo", "fields": fields}}]
    vault = {"{vault://env/x}": "old"}
    double, one = server(handler), gateway(dump=dump, vault=vault)
    one.add_plugin("demo", {"key": "{vault://env/x}"})
    one.add_route("/")
    ask(one.url)

    vault["{vault://env/x}"] = "new"
    ask(one.url)
    forgotten.set()
    ask(one.url)

    assert double.methods() == ["StartInstance", *["HandleEvent"] * 3, "StartInstance", "HandleEvent"]
    starts = [json.loads(request.argument["Config"]) for request in double.requests if "Name" in request.argument]
    assert [config["key"] for config in starts] == ["old", "new"]
    assert [line.level for line in one.logs] == ["warn"]


def test_server_that_never_knows_its_instances_is_500_in_the_end(running: Running) -> None:
    gateway, _ = running(answering("access", lambda request: failure(request, "no plugin instance")))

    assert ask(gateway.url).status == 500
    assert "times in a row" in errors(gateway)[-1]


@pytest.mark.parametrize(
    "reply",
    [
        lambda request: failure(request, {"message": "a map"}),
        lambda request: result(request, {"EventId": 0}),
        lambda request: result(request, {"EventId": 0, "Data": {"Args": []}}),
        lambda request: result(request, "ret"),
        lambda request: b"\xc1 is no MessagePack",
        lambda request: b"\x07",
        lambda request: result(request._replace(msgid=request.msgid + 1), ret()),
    ],
    ids=["error map", "no Data", "no Method", "no map", "garbage", "number", "wrong message id"],
)
@pytest.mark.parametrize("phase", ["rewrite", "access", "response"])
def test_answer_that_kong_cannot_read_is_500(running: Running, phase: str, reply: Callable[[Request], bytes]) -> None:
    gateway, _ = running(answering(phase, reply))

    assert ask(gateway.url).status == 500


def test_empty_answer_is_silently_ignored(running: Running) -> None:
    gateway, _ = running(answering("access", lambda request: result(request, None)))

    assert ask(gateway.url).status == 200
    assert gateway.logs == []


def test_exit_answers_as_the_plugin_says_and_sends_no_step(running: Running) -> None:
    plugin = ScriptedPlugin(access=[("kong.response.exit", 503, {"error": "closed/now"}, {"X-Why": "vault"})])
    gateway, double = running(plugin)

    answer = ask(gateway.url)

    assert (answer.status, answer.body) == (503, b'{"error":"closed\\/now"}')
    assert answer.headers["x-why"] == "vault"
    assert answer.headers["content-type"] == "application/json; charset=utf-8"
    gateway.drain()
    assert plugin.results == []
    assert double.methods() == ["StartInstance"] + ["HandleEvent"] * 3


def test_response_error_answers_in_the_format_that_the_client_accepts(running: Running) -> None:
    plugin = ScriptedPlugin(access=[("kong.response.error", 503)])
    gateway, _ = running(plugin)

    as_json, as_text = ask(gateway.url), ask(gateway.url, headers={"Accept": "text/plain"})

    assert as_json.json()["message"] == "The upstream server is currently unavailable"
    assert as_text.headers["content-type"] == "text/plain; charset=utf-8"
    assert as_text.body.startswith(b"The upstream server is currently unavailable\nrequest_id: ")


@pytest.mark.parametrize(
    ("phase", "forbidden"),
    [
        ("rewrite", ("kong.response.get_status",)),
        ("rewrite", ("kong.client.get_consumer",)),
        ("access", ("kong.service.response.get_status",)),
        ("access", ("kong.response.set_raw_body", "x")),
        ("response", ("kong.service.request.set_header", "x-a", "1")),
        ("response", ("kong.client.authenticate", {"id": "x"})),
    ],
)
def test_pdk_call_that_the_phase_does_not_allow_is_500_without_a_step(
    running: Running, phase: str, forbidden: tuple[Any, ...]
) -> None:
    plugin = ScriptedPlugin(**{phase: [forbidden]})
    gateway, _ = running(plugin)

    assert ask(gateway.url).status == 500

    assert f"can't be called in the {phase} phase" in errors(gateway)[0]
    assert plugin.results == []


def test_log_phase_can_fail_without_anybody_noticing_but_the_log(running: Running) -> None:
    gateway, _ = running(ScriptedPlugin(log=[("kong.request.get_method",)]))

    assert ask(gateway.url).status == 200

    gateway.drain()
    assert ["API disabled in the context of ngx.timer" in text for text in errors(gateway)] == [True]


def test_upstream_that_cannot_be_reached_is_502(running: Running, socket_path: Path) -> None:
    gateway, _ = running(ScriptedPlugin(), upstream="http://127.0.0.1:1")

    assert ask(gateway.url).status == 502


def test_server_that_dies_after_its_reply_costs_nothing(running: Running) -> None:
    plugin = ScriptedPlugin()
    gateway, double = running(lambda request: LastWords(plugin(request) or b""))

    assert ask(gateway.url).status == 200
    gateway.drain()
    assert double.opened == len(double.requests)


def test_call_is_recorded(running: Running) -> None:
    gateway, _ = running(ScriptedPlugin(access=[("kong.request.get_header", "x-a")]))
    ask(gateway.url)

    (recorded,) = gateway.calls

    assert (recorded.plugin, recorded.phase, recorded.method) == ("demo", "access", "kong.request.get_header")
    assert recorded.args == ("x-a",)
    assert call("m")["Data"] == {"Method": "m", "Args": []}
