"""Events that go well: PDK calls, their answers, and what a plugin may do between them."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.pluginserver.kong_client import Kong, PdkError


def test_a_phase_without_pdk_calls_is_over_at_once(kong: Kong) -> None:
    instance = kong.start("scripted")

    outcome = kong.event(instance, "access")

    assert (outcome.calls, outcome.end) == ([], "ret")


def test_each_pdk_call_goes_out_with_its_arguments_and_gets_its_own_answer(kong: Kong) -> None:
    instance = kong.start(
        "scripted",
        access=[
            ["call", "kong.request.get_header", "host"],
            ["call", "kong.request.get_headers"],
            ["call", "kong.request.get_raw_body"],
            ["call", "kong.client.get_consumer"],
            ["report"],
        ],
    )

    outcome = kong.event(
        instance,
        "access",
        {
            "kong.request.get_header": lambda name: f"value of {name}",
            "kong.request.get_headers": {"accept": ["*/*", "text/html"], "x-flag": []},
            "kong.request.get_raw_body": b"\x00\xff",
        },
    )

    assert outcome.calls[:4] == [
        ("kong.request.get_header", ["host"]),
        ("kong.request.get_headers", []),
        ("kong.request.get_raw_body", []),
        ("kong.client.get_consumer", []),
    ]
    results = ["value of host", {"accept": ["*/*", "text/html"], "x-flag": []}, b"\x00\xff", None]
    assert outcome.last == ("kong.response.set_header", ["x-results", repr(results)])
    assert outcome.end == "ret"


def test_a_pdk_name_that_nobody_knows_yet_goes_out_as_well(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.brand_new.thing.do_it", 1, [2.5], {"a": None}]])

    assert kong.event(instance, "access").calls == [("kong.brand_new.thing.do_it", [1, [2.5], {"a": None}])]


def test_header_values_that_are_no_utf_8_come_and_go_unchanged(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.request.get_header", "x"], ["report"]])
    wire = kong.wire()
    _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    wire.send(b"\x94\x00\x63\xabplugin.Step\x91\x82\xa7EventId\xcf" + result["EventId"].to_bytes(8, "big"))
    wire.send(b"\xa4Data\xa2\xe4!")

    assert wire.message()[3]["Data"]["Args"] == ["x-results", r"['\udce4!']"]


def test_an_error_of_the_pdk_raises_in_the_plugin(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["catch", "kong.vault.get", "{vault://x/y}"], ["report"]])

    results = kong.results(instance, answers={"kong.vault.get": PdkError("no such vault")})

    assert results == "['PDKException: exception from kong.vault.get: no such vault']"


def test_a_lua_styled_plugin_gets_pairs(kong: Kong) -> None:
    instance = kong.start("lua_styled")

    assert kong.results(instance, answers={"kong.request.get_header": "v"}) == "('v', None)"
    assert kong.results(instance, answers={"kong.request.get_header": PdkError("why")}) == "(None, 'why')"


def test_exit_ends_the_plugin_wherever_it_stands(kong: Kong) -> None:
    exits = ["call", "kong.response.exit", 403, {"message": "no"}, {"x": "y"}]
    header = ["call", "kong.request.get_header", "x"]

    for script in ([exits], [exits, header], [header, exits, header], [header, header, exits]):
        outcome = kong.event(kong.start("scripted", access=script), "access")

        assert outcome.last == ("kong.response.exit", [403, {"message": "no"}, {"x": "y"}])
        assert len(outcome.calls) == script.index(exits) + 1


def test_an_exit_with_headers_and_no_body_keeps_its_headers(kong: Kong) -> None:
    script = [["call", "kong.response.exit", 503, None, {"retry-after": "5"}]]

    outcome = kong.event(kong.start("scripted", access=script), "access")

    assert outcome.last == ("kong.response.exit", [503, "", {"retry-after": "5"}])


def test_a_plugin_that_swallows_its_own_exit_is_not_heard_again(kong: Kong) -> None:
    instance = kong.start(
        "scripted",
        access=[
            ["swallow", "kong.response.error", 500],
            ["swallow", "kong.log.err", "x"],
            ["raise", "ValueError", "late"],
        ],
    )
    wire = kong.wire()

    _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    assert result["Data"] == {"Method": "kong.response.error", "Args": [500]}
    assert wire.is_quiet(0.1)
    assert kong.event(instance, "log").end == "ret"


def test_no_event_waits_for_another_whatever_that_one_waits_for(kong: Kong) -> None:
    for how in ("sleep", "lock"):
        slow = kong.start("scripted", access=[["wait", how, 1.0], ["call", "kong.request.get_header", "x"]])
        quick = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
        slow_wire, quick_wires = kong.wires[0], Kong(kong.path)
        began_s = time.monotonic()

        slow_wire.post("HandleEvent", {"InstanceId": slow, "EventName": "access"})
        for _ in range(20):
            assert quick_wires.event(quick, "access").end == "ret"
        quick_s = time.monotonic() - began_s
        _, result = slow_wire.reply()
        slow_s = time.monotonic() - began_s
        quick_wires.close()

        assert result["Data"]["Method"] == "kong.request.get_header"
        assert slow_s >= 1.0
        assert quick_s < 0.9


def test_a_waiting_event_is_answered_on_the_connection_that_asked_last(kong: Kong) -> None:
    instance = kong.start(
        "scripted", access=[["call", "kong.request.get_header", "x"], ["wait", "sleep", 0.05], ["report"]]
    )
    first, second = kong.wires
    _, result = first.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    error, result = second.ask("Step", {"EventId": result["EventId"], "Data": "v"})

    assert (error, result["Data"]["Args"]) == (None, ["x-results", "['v']"])
    assert first.is_quiet(0.05)


@pytest.mark.parametrize("late", [{"Data": "late"}, PdkError("late")], ids=["result", "error"])
def test_a_plugin_may_give_up_waiting_for_kong_and_go_on(kong: Kong, late: Any) -> None:
    impatient = ["impatient", 0.02, "kong.request.get_header", "x"]
    for script, expected in [([impatient], "ret"), ([impatient, ["report"]], {"Args": ["x-results", "['gave up']"]})]:
        instance = kong.start("scripted", access=script)
        first, second = kong.wires
        _, result = first.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
        assert first.is_quiet(0.1)

        if isinstance(late, PdkError):
            error, result = second.ask("StepError", {"EventId": result["EventId"], "Data": late.text})
        else:
            error, result = second.ask("Step", {"EventId": result["EventId"], **late})

        assert error is None
        assert result["Data"] == expected or expected.items() <= result["Data"].items()


def test_context_variables_stay_with_their_event(kong: Kong) -> None:
    instance = kong.start("remembering")

    assert [kong.event(instance, "access").last[1] for _ in range(3)] == [["x-number", "none"]] * 3


def test_a_wake_up_that_a_plugin_left_behind_is_no_answer_to_anybody(kong: Kong) -> None:
    leaving = kong.start("left_timer", leaves="a switch")
    other = kong.start("scripted", access=[["call", "kong.request.get_header", "x"], ["report"]])
    wire = kong.wire()
    kong.event(leaving, "access")
    _, result = wire.ask("HandleEvent", {"InstanceId": other, "EventName": "access"})

    assert wire.is_quiet(0.1)
    error, result = wire.ask("Step", {"EventId": result["EventId"], "Data": "Kong's"})

    assert (error, result["Data"]["Args"]) == (None, ["x-results", '["Kong\'s"]'])


def test_a_timeout_that_a_plugin_left_behind_ends_no_later_event(kong: Kong) -> None:
    leaving = kong.start("left_timer", leaves="a timeout")
    other = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
    kong.event(leaving, "access")

    assert kong.wire().is_quiet(0.1)

    assert kong.event(other, "access").end == "ret"


def test_the_pdk_refuses_other_threads_and_unsendable_arguments(kong: Kong) -> None:
    instance = kong.start(
        "scripted",
        access=[
            ["elsewhere", "kong.request.get_header"],
            ["unsendable", "kong.response.set_header"],
            ["send_secret", "kong.response.set_header", "hunter2-hunter2"],
            ["report"],
        ],
    )

    outcome = kong.event(instance, "access")
    results = outcome.last[1][1]

    assert outcome.methods == ["kong.response.set_header"]
    assert "RuntimeError: kong.request.get_header: call it within a phase" in results
    assert "ArgumentError: kong.response.set_header: argument 1 (object) can't be sent to Kong" in results
    assert "argument 2 is a Secret, pass its .reveal()" in results
    assert "hunter2" not in results


def test_the_log_takes_anything_and_shows_no_secret(kong: Kong) -> None:
    instance = kong.start(
        "scripted",
        access=[
            ["keep_secret", "swordfish-99"],
            ["call", "kong.log", "plain swordfish-99", 5, 2.5, None],
            ["call", "kong.log.err", ["in swordfish-99"], {"k swordfish-99": "v"}],
            ["call", "kong.log.set_serialize_value", "k", 2.5],
        ],
    )

    assert kong.event(instance, "access").calls == [
        ("kong.log", ["plain ***", 5, "2.5", "None"]),
        ("kong.log.err", [["in ***"], {"k ***": "v"}]),
        ("kong.log.set_serialize_value", ["k", 2.5]),
    ]
