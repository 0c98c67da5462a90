"""Frames however they arrive, and everything that is none: one answer or a closed connection, nobody else disturbed."""

from __future__ import annotations

import json

import msgpack
import pytest

from tests.pluginserver.kong_client import Kong, Wire
from tests.pluginserver.server_process import PluginServer
from tests.servers.polling import wait_until


def settle(kong: Kong) -> None:
    """Return when the server has read all that was sent before."""
    kong.wires[1].ask("GetStatus", None)


def flood(wire: Wire, megabytes: int) -> None:
    wire.send(b"\xc6\xff\xff\xff\xff")
    for _ in range(megabytes):
        wire.send(bytes(1024 * 1024))


def test_a_frame_may_be_split_at_any_byte(kong: Kong) -> None:
    instance = kong.start("scripted")
    wire = kong.wires[0]
    length = len(wire.frame("HandleEvent", {"InstanceId": instance, "EventName": "access"}))

    for cut in range(1, length):
        frame = wire.frame("HandleEvent", {"InstanceId": instance, "EventName": "access"})
        wire.send(frame[:cut])
        settle(kong)
        wire.send(frame[cut:])
        assert wire.reply()[1]["Data"] == "ret"


def test_frames_may_be_joined(kong: Kong) -> None:
    instance = kong.start("scripted")
    wire = kong.wires[0]
    frames = [wire.frame("HandleEvent", {"InstanceId": instance, "EventName": "access"}) for _ in range(50)]

    wire.send(b"".join(frames)[:-3])
    settle(kong)
    wire.send(frames[-1][-3:])

    replies = [wire.message() for _ in frames]
    assert [reply[1] for reply in replies if reply[0] == 1][-49:] == list(
        range(replies[-1][1] - 48, replies[-1][1] + 1)
    )
    assert all(reply[3]["Data"] == "ret" for reply in replies if reply[0] == 1)


def test_megabytes_go_both_ways(kong: Kong) -> None:
    body = bytes(range(256)) * 20_000
    instance = kong.start(
        "scripted",
        response=[
            ["call", "kong.service.response.get_raw_body"],
            ["call", "kong.response.set_raw_body", "y" * 5_000_000],
        ],
    )

    outcome = kong.event(instance, "response", {"kong.service.response.get_raw_body": body})

    assert outcome.last == ("kong.response.set_raw_body", ["y" * 5_000_000])
    assert outcome.end == "ret"


def test_a_reply_that_nobody_reads_holds_up_nobody(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.response.set_raw_body", "y" * 5_000_000]])
    deaf = kong.open()
    deaf.post("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    assert kong.event(instance, "log").end == "ret"
    assert deaf.reply()[1]["Data"]["Args"] == ["y" * 5_000_000]


@pytest.mark.parametrize(
    "garbage",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"\xc1" * 100,
        b"\xff" * 100_000,
        msgpack.packb("text"),
        msgpack.packb({"no": "request"}),
        msgpack.packb([0, 1, "plugin.Step"]),
        msgpack.packb([0, 1, "plugin.Step", [], "more"]),
        msgpack.packb([1, 1, None, {}]),
        msgpack.packb([0, "1", "plugin.GetStatus", [None]]),
        msgpack.packb([0, -1, "plugin.GetStatus", [None]]),
        msgpack.packb([0, 1 << 40, "plugin.GetStatus", [None]]),
        b"\x81\x91\x01\x02",  # a list as a key
        b"\x91" * 5000,  # nested without end
        b"\xdd\xff\xff\xff\xff",  # an array of 4294967295 elements
    ],
    ids=lambda garbage: repr(bytes(garbage[:14])),
)
def test_garbage_closes_its_connection_and_no_other(kong: Kong, server: PluginServer, garbage: bytes) -> None:
    instance = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]])
    _, result = kong.wires[0].ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    lines = server.log.count("connection closed")
    wire = kong.open()

    wire.send(garbage)

    with pytest.raises(EOFError):
        wire.message()
    assert kong.wires[1].ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"
    wait_until(lambda: server.log.count("connection closed") == lines + 1, "a line in the log")


def test_a_frame_beyond_the_limit_closes_the_connection(kong: Kong, server: PluginServer) -> None:
    wire = kong.open()

    with pytest.raises((BrokenPipeError, ConnectionResetError)):
        flood(wire, megabytes=300)

    wait_until(lambda: "a frame is larger than 268435456 bytes" in server.log, "a line in the log")


@pytest.mark.parametrize("cut", [1, 10, 40])
def test_leaving_within_a_frame_disturbs_nobody(kong: Kong, server: PluginServer, cut: int) -> None:
    wire = kong.open()
    wire.send(wire.frame("HandleEvent", {"InstanceId": 1, "EventName": "access"})[:cut])
    wire.close()

    wait_until(lambda: f"within a frame, after {cut} bytes" in server.log, "a line in the log")
    assert kong.event(kong.start("scripted"), "access").end == "ret"


def test_leaving_within_an_event_unwinds_it_at_its_next_pdk_call(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["wait", "sleep", 0.1], ["call", "kong.request.get_header", "x"]])
    wire = kong.open()
    before = kong.wire().ask("GetStatus", None)[1]["Events"]
    wire.post("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    wait_until(lambda: kong.wire().ask("GetStatus", None)[1]["Events"] == before + 1, "the event")

    wire.close()

    wait_until(lambda: kong.wire().ask("GetStatus", None)[1]["Events"] == before, "the event's end")


@pytest.mark.parametrize(
    ("method", "argument", "error"),
    [
        ("Shutdown", None, "unknown method 'plugin.Shutdown'"),
        ("start_instance", {}, "unknown method"),
        ("__init__", {}, "unknown method"),
        ("HandleEvent", None, "plugin.HandleEvent: malformed argument"),
        ("HandleEvent", {}, "malformed argument"),
        ("HandleEvent", {"InstanceId": [], "EventName": "access"}, "malformed argument"),
        ("HandleEvent", {"InstanceId": 5, "EventName": "access"}, "no plugin instance #5"),
        ("HandleEvent", {"InstanceId": "x", "EventName": "access"}, "no plugin instance #x"),
        ("Step", {"Data": 1}, "malformed argument"),
        ("Step", {"EventId": {}}, "malformed argument"),
        ("Step", {"EventId": 77}, "no event '77'"),
        ("StepError", {"EventId": "nonsense", "Data": "x"}, "no event 'nonsense'"),
        ("StartInstance", {"Name": "scripted"}, "malformed argument"),
        ("StartInstance", {"Name": "nobody", "Config": "{}"}, "no plugin 'nobody'"),
        ("StartInstance", {"Name": ["scripted"], "Config": "{}"}, "malformed argument"),
        ("StartInstance", {"Name": "scripted", "Config": "{"}, "must be the text of a JSON object"),
        ("StartInstance", {"Name": "scripted", "Config": "[]"}, "must be the text of a JSON object"),
        ("StartInstance", {"Name": "scripted", "Config": {}}, "must be the text of a JSON object"),
        ("CloseInstance", 5, "no plugin instance #5"),
        ("CloseInstance", {}, "malformed argument"),
        ("GetPluginInfo", "nobody", "no plugin 'nobody'"),
    ],
)
def test_a_wrong_request_is_answered_with_an_error_text(kong: Kong, method: str, argument: object, error: str) -> None:
    answer, result = kong.wire().ask(method, argument)

    assert isinstance(answer, str)
    assert error in answer
    assert result is None


def test_a_phase_that_a_plugin_does_not_have_is_an_error(kong: Kong) -> None:
    instance = kong.start("lua_styled")

    for phase in ("log", "__init__", "config", 5):
        error, _ = kong.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": phase})
        assert error == f"the plugin has no phase '{phase}'"


def test_a_step_that_no_event_waits_for_is_an_error(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.request.get_header", "x"], ["wait", "sleep", 0.2]])
    first, second = kong.wires
    _, result = first.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    first.post("Step", {"EventId": result["EventId"]})
    settle(kong)

    error, _ = second.ask("Step", {"EventId": result["EventId"]})

    assert error == f"event {result['EventId']} waits for no result"
    assert first.reply()[1]["Data"] == "ret"


def test_ids_may_come_as_text_or_as_lua_numbers(kong: Kong) -> None:
    instance = kong.start("scripted", access=[["call", "kong.request.get_header", "x"]] * 2)
    wire = kong.wire()

    _, result = wire.ask("HandleEvent", {"InstanceId": str(instance), "EventName": "access"})
    _, again = wire.ask("Step", {"EventId": str(result["EventId"])})
    _, last = wire.ask("Step", {"EventId": float(result["EventId"])})

    assert again["Data"]["Method"] == "kong.request.get_header"
    assert last["Data"] == "ret"
    assert wire.ask("HandleEvent", {"InstanceId": float(instance), "EventName": "log"})[1]["Data"] == "ret"


def test_the_servers_pid_comes_before_the_first_reply_of_a_connection_only(kong: Kong, server: PluginServer) -> None:
    wire = kong.open()
    wire.post("GetStatus", None)

    assert wire.message() == [2, "serverPid", server.pid]
    assert wire.message()[3]["Pid"] == server.pid
    assert wire.ask("GetStatus", None)[0] is None
    assert wire.notifications == []


def test_a_reply_is_what_the_stock_server_would_send(kong: Kong) -> None:
    wire = kong.wire()

    error, result = wire.ask("StartInstance", {"Name": "scripted", "Config": json.dumps({"a": {"b": [1, None]}})})

    assert error is None
    assert set(result) == {"Name", "Id", "Config", "StartTime"}
    assert result["Config"] == {"a": {"b": [1, None]}}
    assert 0 < result["Id"] < 1 << 53
    assert wire.ask("CloseInstance", result["Id"])[1] == {key: result[key] for key in ("Name", "Id", "Config")}
