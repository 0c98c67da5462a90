"""Too much of anything: events, instances, connections, large and deep frames."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import msgpack
import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]
Start = Callable[..., PluginServer]


def test_one_event_too_many_is_answered_with_503_at_once(
    start_server: Start, settings_file: Callable[..., Path]
) -> None:
    """The stock server takes any number: 10,000 abandoned events are 10,000 threads and 314 MiB."""
    server = start_server("--settings", settings_file(vault_py_pluginserver_max_events=5))
    with contextlib.closing(Kong(server.path)) as kong:
        instance = kong.start("scripted", access=[HEADER], log=[HEADER])
        events = [kong.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})[1] for _ in range(5)]

        refused = [kong.event(instance, "access") for _ in range(20)]
        in_log = kong.event(instance, "log")
        for event in events:
            assert kong.wire().ask("Step", {"EventId": event["EventId"]})[1]["Data"] == "ret"

        for outcome in refused:
            assert outcome.last == ("kong.response.exit", [503, {"message": "The service is temporarily unavailable"}])
        # Kong's log hears of it, but not each time.
        assert 1 <= sum("kong.log.err" in outcome.methods for outcome in refused) < 20
        assert "5 events are in flight" in in_log.error
        assert kong.event(instance, "access").end == "ret"
    assert 1 <= server.log.count("no more are taken") < 20


def test_instances_that_nobody_closes_are_bounded_and_come_back(
    start_server: Start, settings_file: Callable[..., Path]
) -> None:
    """A Kong worker that is killed closes none of its instances; the stock server keeps them for ever."""
    server = start_server("--settings", settings_file(vault_py_pluginserver_max_instances=20))
    with contextlib.closing(Kong(server.path)) as kong:
        used = kong.start("scripted", access=[HEADER])
        wait_until(lambda: _use_until_next_tick(kong, used), "a tick of the coarse clock")
        started = [kong.start("scripted") for _ in range(60)]

        alive = {id_ for ids in kong.wire().ask("GetStatus", None)[1]["Plugins"].values() for id_ in ids}

        assert len(alive) <= 20
        assert started[-1] in alive
        error, _ = kong.wire().ask("HandleEvent", {"InstanceId": started[0], "EventName": "access"})
        assert error.startswith("no plugin instance #")  # at which Kong starts it again


def _use_until_next_tick(kong: Kong, instance: int) -> bool:
    return kong.event(instance, "access").end == "ret"


def test_ten_thousand_connections(start_server: Start) -> None:
    server = start_server()
    crowd: list[socket.socket] = []
    with contextlib.closing(Kong(server.path)) as kong, _room_for(server, 10_000):
        instance = kong.start("scripted", access=[HEADER])
        before = len(list(Path(f"/proc/{server.pid}/fd").iterdir()))
        try:
            for _ in range(10_000):
                crowd.append(socket.socket(socket.AF_UNIX))
                crowd[-1].connect(str(server.path))
            crowd[-1].sendall(msgpack.packb([0, 1, "plugin.GetStatus", [None]]))
            assert crowd[-1].recv(1000)

            assert kong.event(instance, "access").end == "ret"
        finally:
            for one in crowd:
                one.close()
        wait_until(
            lambda: len(list(Path(f"/proc/{server.pid}/fd").iterdir())) <= before, "the end of their descriptors"
        )


@contextlib.contextmanager
def _room_for(server: PluginServer, connections: int):
    """Raise the limits of open files, here and there."""
    import resource

    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = connections + 1000
    if limits[1] < wanted:
        pytest.fail(f"this machine allows {limits[1]} open files, {wanted} are needed")
    subprocess.run(["prlimit", f"--pid={server.pid}", f"--nofile={wanted}:{limits[1]}"], check=True)
    resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, limits[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)


def test_twenty_megabytes_in_pieces(kong: Kong) -> None:
    """The stock server's -g truncates replies over 200 KiB, and hangs."""
    instance = kong.start("scripted", access=[["call", "kong.request.get_raw_body"], ["echo_size"]])
    body = bytes(20_000_000)

    outcome = kong.event(instance, "access", {"kong.request.get_raw_body": body})

    assert outcome.last == ("kong.response.set_raw_body", [20_000_000, body])


@pytest.mark.parametrize("depth", [100, 500, 1000])
def test_values_of_any_depth_go_through_or_close_their_connection(kong: Kong, depth: int) -> None:
    """MessagePack's decoder goes 1,024 levels deep, its encoder 511: beyond, the plugin gets an error."""
    instance = kong.start("scripted", access=[HEADER, ["catch_deep", "kong.ctx.shared.set"]])
    wire = kong.open()
    _, result = wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})
    nested = b"\x91" * depth + b"\xc0"

    wire.send(
        b"\x94\x00\x02\xabplugin.Step\x91\x82\xa7EventId\xcf"
        + result["EventId"].to_bytes(8, "big")
        + b"\xa4Data"
        + nested
    )

    reply = wire.message()
    assert reply[:3] == [1, 2, None]
    if reply[3]["Data"] != "ret":
        assert kong.wire().ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"
    assert kong.event(instance, "log").end == "ret"


def test_a_connection_that_ends_at_any_byte_of_a_frame_harms_nobody(kong: Kong, server: PluginServer) -> None:
    instance = kong.start("scripted", access=[HEADER])
    length = len(kong.wires[0].frame("HandleEvent", {"InstanceId": instance, "EventName": "access"}))
    _, event = kong.wires[1].ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    for cut in range(length):
        wire = kong.open()
        wire.send(wire.frame("HandleEvent", {"InstanceId": instance, "EventName": "access"})[:cut])
        wire.close()

    assert kong.wires[1].ask("Step", {"EventId": event["EventId"]})[1]["Data"] == "ret"
    assert kong.event(instance, "access").end == "ret"


def test_an_unpackable_argument_of_any_kind_raises_in_the_plugin_and_sends_nothing(kong: Kong) -> None:
    """The stock server's packb fails in its own code: the event never ends."""
    instance = kong.start("scripted", access=[["unpackable", "kong.response.set_header"], ["report"]])

    outcome = kong.event(instance, "access")

    assert outcome.methods == ["kong.response.set_header"]
    assert outcome.last[1][1].count("ArgumentError") == 6


def test_the_pdk_after_the_events_end_is_an_error_in_threads_and_greenlets(kong: Kong) -> None:
    """In the stock server such a call goes to whichever event its queue belongs to."""
    leaving = kong.start("scripted", access=[["later", 0.05, "kong.response.set_header"]])
    asking = kong.start("scripted", access=[["late"], ["report"]])
    assert kong.event(leaving, "access").end == "ret"

    results: list[str] = []
    wait_until(lambda: results.append(kong.results(asking)) or "".join(results).count("within a phase") == 2, "both")


def test_a_pdk_call_that_its_phase_does_not_allow_leaves_nothing_behind(hasty_kong: Kong) -> None:
    """Kong answers the client with 500 and never sends a Step; the stock server keeps the event for ever."""
    instance = hasty_kong.start("scripted", log=[["call", "kong.response.exit", 200]], rewrite=[HEADER])
    assert hasty_kong.event(instance, "log").end == "exit"
    hasty_kong.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": "rewrite"})

    wait_until(lambda: hasty_kong.wire().ask("GetStatus", None)[1]["Events"] == 0, "the end of the abandoned event")
