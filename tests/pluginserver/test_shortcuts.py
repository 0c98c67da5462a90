"""Requests that are answered without decoding them get the same answers as all others."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgpack
import pytest

from tests.pluginserver.kong_client import Kong, Wire
from tests.pluginserver.server_process import PluginServer

#: From here on msgids are packed in four bytes.
LATE = 70_000
HEADER = ["call", "kong.request.get_header", "x"]


def late(wire: Wire) -> Wire:
    """Make a wire one that has seen many requests, and the server's notification."""
    assert wire.ask("GetStatus", None)[0] is None
    wire._msgid = max(wire._msgid, LATE)
    return wire


def raw(msgid: int, method: str, argument: bytes) -> bytes:
    return b"\x94\x00\xce" + struct.pack(">I", msgid) + msgpack.packb(method) + b"\x91" + argument


@pytest.fixture
def wire(kong: Kong) -> Wire:
    return late(kong.open())


def test_an_event_is_the_same_the_second_time_and_in_any_order_of_keys(kong: Kong, wire: Wire) -> None:
    instance = kong.start("scripted", access=[HEADER])
    argument = {"InstanceId": instance, "EventName": "access"}
    ids = set()

    for shape in (argument, argument, dict(reversed(argument.items())), {**argument, "InstanceId": str(instance)}) * 2:
        _, result = wire.ask("HandleEvent", shape)
        ids.add(result["EventId"])
        assert result["Data"] == {"Method": "kong.request.get_header", "Args": ["x"]}
        assert wire.ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"

    assert len(ids) == 8


@pytest.mark.parametrize(
    "value", ["text", "", b"\xff\x00", 7, -1.5, True, None, [1, [2]], {"a": ["b"], 1: 2}, "x" * 4000]
)
def test_a_result_arrives_whatever_it_is(kong: Kong, wire: Wire, value: Any) -> None:
    instance = kong.start("scripted", access=[HEADER, ["report"]])
    reports = []
    for first in ("EventId", "Data"):
        _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
        step = {"EventId": result["EventId"], "Data": value}
        _, report = wire.ask("Step", step if first == "EventId" else dict(reversed(step.items())))
        reports.append(report["Data"]["Args"])
        assert wire.ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"

    assert reports[0] == reports[1]


def test_a_closed_instance_is_not_run_from_memory(kong: Kong, wire: Wire) -> None:
    instance = kong.start("scripted")
    argument = {"InstanceId": instance, "EventName": "access"}
    assert [wire.ask("HandleEvent", argument)[1]["Data"] for _ in range(2)] == ["ret", "ret"]

    wire.ask("CloseInstance", instance)

    assert wire.ask("HandleEvent", argument)[0].startswith("no plugin instance #")


def test_a_known_request_may_come_in_pieces_and_with_others(kong: Kong, wire: Wire) -> None:
    instance = kong.start("scripted")
    argument = {"InstanceId": instance, "EventName": "access"}
    assert wire.ask("HandleEvent", argument)[1]["Data"] == "ret"
    for cut in range(1, len(wire.frame("HandleEvent", argument)), 7):
        frame = wire.frame("HandleEvent", argument)
        wire.send(frame[:cut])
        assert kong.wires[0].ask("GetStatus", None)[0] is None  # the piece has been read
        wire.send(frame[cut:])
        assert wire.reply()[1]["Data"] == "ret"

    frames = [wire.frame("HandleEvent", argument) for _ in range(20)]
    wire.send(b"".join(frames))

    assert [wire.message()[1] for _ in frames] == [wire._msgid - 19 + number for number in range(20)]


def test_a_step_that_looks_right_but_is_not_gets_the_decoders_answer(kong: Kong, wire: Wire) -> None:
    map_of_one = b"\x81\xa7EventId\xcf" + struct.pack(">Q", 1 << 45)
    wire.send(raw(LATE, "plugin.Step", map_of_one))
    assert wire.message()[3]["Data"]["Method"] == "kong.log.err"  # an event of an earlier server

    wire.send(raw(LATE, "plugin.Step", b"\x82" + map_of_one[1:] + b"\xa4Dota\xc0"))
    assert isinstance(wire.message()[2], dict)

    wire.send(raw(LATE, "plugin.Step", b"\x82" + map_of_one[1:] + b"\xa4Data\xc1"))
    with pytest.raises(EOFError):
        wire.message()


def test_what_is_remembered_is_bounded_and_nothing_stays_behind(start_server: Callable[..., PluginServer]) -> None:
    server = start_server()
    kong = Kong(server.path)
    for wire in kong.wires:
        late(wire)
    plain = kong.start("scripted")
    calling = kong.start("scripted", access=[HEADER, ["call", "kong.service.request.set_header", "a", "b"]])

    def run(events: int) -> None:
        for _ in range(events // 2):
            assert kong.event(plain, "access").end == "ret"
            assert kong.event(calling, "access", {"kong.request.get_header": "v"}).end == "ret"

    def state() -> tuple[int, int]:
        process = Path(f"/proc/{server.pid}")
        threads = process.joinpath("status").read_text().split("Threads:")[1].split()[0]
        return len(list(process.joinpath("fd").iterdir())), int(threads)

    def resident_kib() -> int:
        return int(Path(f"/proc/{server.pid}/status").read_text().split("VmRSS:")[1].split()[0])

    run(4_000)
    before, kib = state(), resident_kib()
    run(16_000)

    assert state() == before
    assert resident_kib() - kib < 1024
    assert kong.wires[0].ask("GetStatus", None)[1]["Events"] == 0
    kong.close()
