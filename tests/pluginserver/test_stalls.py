"""Plugins that hold up the whole process: by computing, in C, and in C that never comes back.

The stock server stands still for as long, in all its modes; a phase that never returns has it answer nobody any more,
and after 60 seconds Kong lets every request pass.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from kong_vault_py.pluginserver.stall import STALLED_EXIT
from tests.pluginserver.conftest import SHORT_TIMEOUT_S
from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import SERVED, PluginServer
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]
TIMED_OUT = [504, {"message": "The request took too long to process"}]


@pytest.mark.parametrize("how", ["compute", "block"])
@pytest.mark.parametrize("calls", [0, 1])
def test_a_phase_that_holds_up_all_others_is_interrupted_and_answered(
    hasty_kong: Kong, hasty_server: PluginServer, how: str, calls: int
) -> None:
    other = hasty_kong.start("scripted", access=[HEADER])
    waiting = hasty_kong.open()
    _, event = waiting.ask("HandleEvent", {"InstanceId": other, "EventName": "access"})
    instance = hasty_kong.start("scripted", access=[*[HEADER] * calls, ["wait", how, 60]])
    began_s = time.monotonic()

    outcome = hasty_kong.event(instance, "access")

    assert outcome.last == ("kong.response.exit", TIMED_OUT)
    [reason] = outcome.calls[-2][1]
    assert "held up all others" in reason
    assert f"{SERVED / 'scripted.py'}:" in reason
    assert time.monotonic() - began_s < 10
    wait_until(
        lambda: "plugin 'scripted' in phase access holds up all others" in hasty_server.log, "a line with the stack"
    )
    assert "scripted.py:" in hasty_server.log
    # Time that stood still is not counted against an event that waited meanwhile.
    assert waiting.ask("Step", {"EventId": event["EventId"]})[1]["Data"] == "ret"


def test_a_constructor_that_holds_up_all_others_is_interrupted(hasty_kong: Kong) -> None:
    for how in ("compute", "block"):
        config = f'{{"constructor": [["wait", "{how}", 60]]}}'

        error, _ = hasty_kong.wire().ask("StartInstance", {"Name": "scripted", "Config": config})

        assert "its constructor" in error
        assert hasty_kong.event(hasty_kong.start("scripted"), "access").end == "ret"


def test_a_server_stuck_in_c_ends_with_an_answer_to_everybody(start_server: Callable[..., PluginServer]) -> None:
    server = start_server("--event-timeout", 1)
    kong = Kong(server.path)
    waiting, stuck, unread, stepping = (kong.open() for _ in range(4))
    asking = kong.start("scripted", access=[HEADER, HEADER])
    sleeping = kong.start("scripted", access=[["wait", "sleep", 60]])
    deaf = kong.start("scripted", access=[["wait", "deaf", 60]])
    _, event = stepping.ask("HandleEvent", {"InstanceId": asking, "EventName": "access"})
    waiting.post("HandleEvent", {"InstanceId": sleeping, "EventName": "access"})
    wait_until(lambda: kong.wires[0].ask("GetStatus", None)[1]["Events"] == 2, "both events")

    stuck.post("HandleEvent", {"InstanceId": deaf, "EventName": "access"})
    assert stuck.is_quiet(0.05)
    unread.post("HandleEvent", {"InstanceId": asking, "EventName": "access"})
    stepping.post("Step", {"EventId": event["EventId"], "Data": "v"})

    for wire in (stuck, waiting, unread, stepping):
        error, result = wire.reply()
        assert (error, result["Data"]) == (None, {"Method": "kong.response.exit", "Args": TIMED_OUT})
    assert server.process.wait(timeout=20) == STALLED_EXIT
    assert "can't be interrupted" in server.log
    kong.close()


def test_a_worker_stuck_in_c_is_replaced(start_server: Callable[..., PluginServer]) -> None:
    server = start_server("--event-timeout", SHORT_TIMEOUT_S, "--workers", 2)
    kong = Kong(server.path, connections=1)
    instance = kong.start("scripted", access=[["wait", "deaf", 60]])

    assert kong.event(instance, "access").last == ("kong.response.exit", TIMED_OUT)

    wait_until(lambda: f"(exit code {STALLED_EXIT}) and is started again" in server.log, "a new worker")
    again = Kong(server.path)
    assert again.event(again.start("scripted"), "access").end == "ret"
    again.close()
    kong.close()
