"""No phase runs for ever: past --event-timeout its request is answered and the plugin unwound."""

from __future__ import annotations

import time

from tests.pluginserver.conftest import SHORT_TIMEOUT_S
from tests.pluginserver.kong_client import Kong
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]
TIMED_OUT = [504, {"message": "The request took too long to process"}]


def in_flight(kong: Kong) -> int:
    return int(kong.wire().ask("GetStatus", None)[1]["Events"])


def test_a_phase_that_overruns_ends_its_request_with_504_in_time(hasty_kong: Kong) -> None:
    for script in ([["wait", "sleep", 20]], [HEADER, ["wait", "lock", 20]]):
        instance = hasty_kong.start("scripted", access=script)
        began_s = time.monotonic()

        outcome = hasty_kong.event(instance, "access")

        assert outcome.last == ("kong.response.exit", TIMED_OUT)
        assert f"not finished after {SHORT_TIMEOUT_S:g} s" in outcome.calls[-2][1][0]
        assert SHORT_TIMEOUT_S <= time.monotonic() - began_s < 10 * SHORT_TIMEOUT_S


def test_a_plugin_that_swallows_the_end_is_answered_for_all_the_same(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("scripted", access=[["wait", "stubborn", 5 * SHORT_TIMEOUT_S], HEADER])

    assert hasty_kong.event(instance, "access").last == ("kong.response.exit", TIMED_OUT)
    assert hasty_kong.wire().is_quiet(5 * SHORT_TIMEOUT_S)


def test_in_preread_the_status_is_one_that_the_stream_module_takes(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("scripted", preread=[["wait", "sleep", 20]])

    assert hasty_kong.event(instance, "preread").last == ("kong.response.exit", [503])


def test_an_event_that_kong_never_asks_again_is_forgotten(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("scripted", access=[HEADER])
    for _ in range(20):
        hasty_kong.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    assert in_flight(hasty_kong) >= 20

    wait_until(lambda: in_flight(hasty_kong) == 0, "the end of abandoned events")


def test_kong_coming_back_too_late_is_told_to_end_the_request(hasty_kong: Kong) -> None:
    instance = hasty_kong.start("scripted", access=[HEADER])
    wire = hasty_kong.wire()
    _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    wait_until(lambda: in_flight(hasty_kong) == 1, "other events' end")
    assert wire.is_quiet(1.6 * SHORT_TIMEOUT_S)

    _, first = wire.ask("Step", {"EventId": result["EventId"], "Data": "late"})
    _, second = wire.ask("Step", {"EventId": result["EventId"]})

    assert first["Data"]["Method"] == "kong.log.err"
    assert (second["Data"]["Method"], second["Data"]["Args"]) == ("kong.response.exit", TIMED_OUT)


def test_a_constructor_that_overruns_is_an_error_in_time(hasty_kong: Kong) -> None:
    for how in ("sleep", "stubborn"):
        config = f'{{"constructor": [["wait", "{how}", 3]]}}'

        error, result = hasty_kong.wire().ask("StartInstance", {"Name": "scripted", "Config": config})

        assert result is None
        assert error == f"plugin 'scripted' can't start: its constructor did not finish within {SHORT_TIMEOUT_S:g} s"
