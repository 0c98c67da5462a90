"""A phase that fails ends its request: closed, explained in Kong's log, and without a trace in other events."""

from __future__ import annotations

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import SERVED

HEADER = ["call", "kong.request.get_header", "x"]
SCRIPTED = SERVED / "scripted.py"


@pytest.mark.parametrize("phase", ["rewrite", "access", "response"])
def test_an_exception_ends_the_request_with_500_and_its_reason_in_the_log(kong: Kong, phase: str) -> None:
    instance = kong.start("scripted", **{phase: [["raise", "ValueError", "bad\nthing"]]})

    outcome = kong.event(instance, phase)

    (log, [reason]), (exit_, arguments) = outcome.calls
    assert log == "kong.log.err"
    assert reason.startswith(f"plugin 'scripted' failed in phase {phase}: ValueError: bad thing ({SCRIPTED}:")
    assert (exit_, arguments) == ("kong.response.exit", [500, {"message": "An unexpected error occurred"}])


@pytest.mark.parametrize("steps", [0, 1, 3])
def test_it_makes_no_difference_how_far_the_phase_had_come(kong: Kong, steps: int) -> None:
    instance = kong.start("scripted", access=[*[HEADER] * steps, ["raise", "KeyError", "x"]])

    outcome = kong.event(instance, "access")

    assert outcome.methods == [*["kong.request.get_header"] * steps, "kong.log.err", "kong.response.exit"]


ENDING = ["SystemExit", "KeyboardInterrupt", "GreenletExit", "MemoryError", "RecursionError", "Wordless", "deep"]


@pytest.mark.parametrize("name", ENDING)
@pytest.mark.parametrize("calls", [0, 1])
def test_no_exception_of_a_plugin_ends_the_server(kong: Kong, name: str, calls: int) -> None:
    """The stock server: SystemExit ends it with -g; any exception before the first PDK call blocks it for good."""
    instance = kong.start("scripted", access=[*[HEADER] * calls, ["raise", name, "stop"]])

    assert kong.event(instance, "access").last[1][0] == 500
    assert kong.event(instance, "log").end == "ret"


@pytest.mark.parametrize("name", ENDING)
def test_nor_does_one_in_a_constructor(kong: Kong, name: str) -> None:
    """The stock server answers only what is an Exception; SystemExit ends it with -g."""
    error, _ = kong.wire().ask(
        "StartInstance", {"Name": "scripted", "Config": f'{{"constructor": [["raise", "{name}", "stop"]]}}'}
    )

    assert "can't start" in error
    assert kong.event(kong.start("scripted"), "access").end == "ret"


def test_nor_does_one_in_a_thread_that_the_plugin_started(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["thread_exits"], HEADER])

    assert kong.event(instance, "access").end == "ret"


@pytest.mark.parametrize("name", ["UnavailableError", "SecretNotFoundError", "UnknownPrefixError"])
def test_a_secret_that_cannot_be_had_ends_the_request_with_503(kong: Kong, name: str) -> None:
    instance = kong.start("scripted", access=[["raise", name, "vault 'hcv' does not answer"]])

    outcome = kong.event(instance, "access")

    assert f"{name}: vault 'hcv' does not answer" in outcome.calls[0][1][0]
    assert outcome.last[1] == [503, {"message": "The service is temporarily unavailable"}]


def test_in_preread_the_stream_module_ends_the_connection(kong: Kong) -> None:
    instance = kong.start("scripted", preread=[["raise", "ValueError", "x"]])

    outcome = kong.event(instance, "preread")

    assert outcome.methods == ["kong.log.err", "kong.response.exit"]
    assert outcome.last[1] == [500]


def test_in_the_certificate_phase_an_error_that_is_a_map_ends_the_handshake(kong: Kong) -> None:
    instance = kong.start("scripted", certificate=[["raise", "ValueError", "x"]])

    outcome = kong.event(instance, "certificate")

    assert outcome.methods == ["kong.log.err"]
    assert outcome.error["message"].startswith("plugin 'scripted' failed in phase certificate: ValueError: x")


def test_a_log_phase_has_nothing_to_end_and_tells_kong_why_it_failed(kong: Kong) -> None:
    instance = kong.start("scripted", log=[HEADER, ["raise", "ValueError", "x"]])

    outcome = kong.event(instance, "log")

    assert outcome.methods == ["kong.request.get_header"]
    assert outcome.error.startswith("plugin 'scripted' failed in phase log: ValueError: x (")


def test_a_failing_event_is_answered_wherever_kong_asks_and_only_once(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["raise", "ValueError", "x"]])
    first, second = kong.wires
    _, result = first.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    _, exits = second.ask("Step", {"EventId": str(result["EventId"])})

    assert exits["Data"]["Method"] == "kong.response.exit"
    assert first.is_quiet(0.05)
    assert second.is_quiet(0.05)


def test_no_reason_makes_kong_start_instances_for_ever(kong: Kong) -> None:
    instance = kong.start("scripted", log=[["raise", "ValueError", "No Plugin Instance, they say"]])

    assert "no plugin instance" not in kong.event(instance, "log").error.lower()


def test_no_secret_gets_into_the_reason(kong: Kong) -> None:
    instance = kong.start(
        "scripted",
        access=[["keep_secret", "correct-horse"], ["raise", "ValueError", "login with correct-horse refused"]],
    )

    reason = kong.event(instance, "access").calls[0][1][0]

    assert "ValueError: login with *** refused" in reason
