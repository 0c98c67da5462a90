"""Phases in threads and coroutines: the same events, deadlines and failures as in a greenlet."""

from __future__ import annotations

import contextlib
import time

import pytest

from tests.pluginserver.conftest import SHORT_TIMEOUT_S
from tests.pluginserver.kong_client import Kong, PdkError
from tests.servers.polling import wait_until

TIMED_OUT = [504, {"message": "The request took too long to process"}]


def test_a_threaded_phase_calls_the_pdk_and_runs_in_a_thread_of_its_own(kong: Kong) -> None:
    instance = kong.start("threaded")

    assert kong.results(instance, answers={"kong.request.get_header": "v"}) == "v False"


def test_a_threaded_phase_that_blocks_in_c_holds_up_nobody(kong: Kong) -> None:
    blocking = kong.start("threaded", block=1.5)
    quick = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
    wire = kong.wires[0]
    _, event = wire.ask("HandleEvent", {"InstanceId": blocking, "EventName": "access"})
    wire.post("Step", {"EventId": event["EventId"], "Data": "v"})
    began_s = time.monotonic()

    with contextlib.closing(Kong(kong.path)) as other:
        for _ in range(20):
            assert other.event(quick, "access").end == "ret"
    quick_s = time.monotonic() - began_s

    assert quick_s < 1.4
    _, result = wire.reply()
    assert result["Data"]["Args"] == ["x-results", "v False"]
    assert wire.ask("Step", {"EventId": event["EventId"]})[1]["Data"] == "ret"


@pytest.mark.parametrize("plugin", ["threaded", "awaiting"])
def test_exit_unwinds_the_phase_wherever_it_runs(kong: Kong, plugin: str) -> None:
    instance = kong.start(plugin)

    outcome = kong.event(instance, "rewrite")

    assert (outcome.end, outcome.last) == ("exit", ("kong.response.exit", [403]))
    if plugin == "threaded":
        assert outcome.calls[0] == ("kong.log.notice", ["ArgumentError"])
    wait_until(lambda: "unwound" in kong.event(instance, "response").last[1][1], "the phase's finally")


def test_what_a_threaded_phase_raises_is_its_events(kong: Kong) -> None:
    instance = kong.start("threaded", **{"raise": True})

    outcome = kong.event(instance, "access", {"kong.request.get_header": "v"})

    assert "SystemExit: after v (" in outcome.calls[-2][1][0]
    assert outcome.last[1][0] == 500
    assert kong.event(instance, "log").calls == [("kong.log.notice", ["refused"])]


def test_a_threaded_phase_has_its_deadline_and_full_threads_theirs(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("threaded", block=4 * SHORT_TIMEOUT_S)
    wires = [hasty_kong.open() for _ in range(4)]  # twice as many as threads
    for wire in wires:
        wire.post("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    blocked = 0
    for wire in wires:
        _, result = wire.reply()
        while result["Data"]["Method"] != "kong.response.exit":
            _, result = wire.ask("Step", {"EventId": result["EventId"]})
        blocked += result["Data"]["Args"] == TIMED_OUT

    assert blocked == 4
    # The threads come back by themselves.
    wait_until(lambda: hasty_kong.event(instance, "log").end == "ret", "free threads")


def test_a_coroutine_awaits_asyncio_and_the_pdk(kong: Kong) -> None:
    instance = kong.start("awaiting")

    outcome = kong.event(
        instance,
        "access",
        {"kong.request.get_header": lambda name: f"<{name}>", "kong.vault.get": PdkError("no such vault")},
    )

    assert outcome.end == "ret"
    assert outcome.last == ("kong.response.set_header", ["x-results", "<one> <two>"])
    assert outcome.calls[-2] == ("kong.log.err", ["exception from kong.vault.get: no such vault"])


def test_coroutines_wait_side_by_side_and_hold_up_nobody(kong: Kong) -> None:
    sleeping = kong.start("awaiting", sleep=1.0)
    quick = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
    wires = [kong.open() for _ in range(5)]
    began_s = time.monotonic()
    for wire in wires:
        wire.post("HandleEvent", {"InstanceId": sleeping, "EventName": "access"})

    for _ in range(20):
        assert kong.event(quick, "access").end == "ret"
    assert time.monotonic() - began_s < 0.9
    for wire in wires:
        _, result = wire.reply()
        while result["Data"] != "ret":
            _, result = wire.ask("Step", {"EventId": result["EventId"]})
    assert time.monotonic() - began_s < 4


def test_no_exception_of_a_coroutine_ends_the_server_or_the_other_coroutines(kong: Kong) -> None:
    instance = kong.start("awaiting")

    outcome = kong.event(instance, "certificate")
    assert "SystemExit: not the server's end" in outcome.error["message"]

    assert kong.event(instance, "log").end == "ret"  # leaves a task behind that raises
    assert kong.event(instance, "access").end == "ret"


def test_a_sync_phase_may_run_an_asyncio_loop_of_its_own(kong: Kong) -> None:
    instance = kong.start("awaiting")
    assert kong.event(instance, "access").end == "ret"

    assert kong.event(instance, "preread").end == "ret"


def test_a_coroutine_has_its_deadline(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("awaiting", sleep=60)

    assert hasty_kong.event(instance, "access").last == ("kong.response.exit", TIMED_OUT)
