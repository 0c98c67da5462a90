"""What the server tells of itself: the status socket, Prometheus, SIGUSR1, JSON logs; and never a secret."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.running import kong_vault
from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]
Start = Callable[..., PluginServer]


def get(path: Path, target: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("localhost", timeout=10)
    connection.sock = socket.socket(socket.AF_UNIX)
    with contextlib.closing(connection):
        connection.sock.connect(str(path))
        connection.request(method, target)
        response = connection.getresponse()
        return response.status, response.read().decode()


def status_of(path: Path) -> dict[str, Any]:
    code, body = get(path, "/v1/status")
    assert code == 200
    return json.loads(body)


@pytest.fixture
def door(folder: Path) -> Path:
    return folder / "status.sock"


@pytest.fixture(params=[1, 2], ids=["one process", "two workers"])
def server(
    request: pytest.FixtureRequest, start_server: Start, settings_file: Callable[..., Path], folder: Path, door: Path
) -> PluginServer:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "token").write_text("opensesame")
    settings = settings_file(vault_fs_prefix=folder / "secrets", vault_py_pluginserver_status_socket=door)
    return start_server("--settings", settings, "--workers", request.param)


@pytest.fixture
def kong(server: PluginServer) -> Iterator[Kong]:
    with contextlib.closing(Kong(server.path, connections=6)) as gateway:
        yield gateway


def test_the_status_socket_tells_everything_but_secrets(kong: Kong, server: PluginServer, door: Path) -> None:
    instance = kong.start(
        "scripted",
        access=[HEADER, ["wait", "sleep", 0.05], HEADER],
        rewrite=[["raise", "ValueError", "x"]],
        password="hunter2-hunter2",
    )
    for _ in range(5):
        kong.event(instance, "access")
    kong.event(instance, "rewrite")
    _, event = kong.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})

    status = status_of(door)

    told = status["server"]
    assert stat.S_IMODE(door.stat().st_mode) == 0o600
    assert set(status) >= {"counts", "resources", "server"}
    assert told["instances"]["scripted"] >= 1
    assert told["events_in_flight"] == 1
    assert told["pdk_calls"]["kong.request.get_header"] == 11
    rows = {row["phase"]: row for row in told["phases"]}
    assert (rows["access"]["events"], rows["access"]["failures"]) == (6, 0)
    assert (rows["rewrite"]["events"], rows["rewrite"]["failures"]) == (1, 1)
    assert rows["access"]["slowest_s"] >= rows["access"]["average_s"] >= 0.04
    assert rows["access"]["total_s"] >= 0.25
    assert told["phases"][0]["phase"] == "access"  # those that took most time first
    assert "hunter2" not in json.dumps(status)
    for _ in range(2):
        kong.wire().ask("Step", {"EventId": event["EventId"]})


def test_the_command_reads_it(kong: Kong, server: PluginServer, door: Path) -> None:
    ended = kong_vault("status", "--socket", str(door))

    assert (ended.returncode, ended.stderr) == (0, b"")
    assert b"look-ups" in ended.stdout


def test_prometheus_reads_it(kong: Kong, server: PluginServer, door: Path) -> None:
    kong.event(kong.start("scripted", access=[HEADER]), "access")

    code, page = get(door, "/metrics")

    assert code == 200
    assert 'kong_vault_pluginserver_events_total{phase="access",plugin="scripted"} 1.0' in page
    assert 'kong_vault_pluginserver_pdk_calls_total{method="kong.request.get_header"} 1.0' in page
    assert "kong_vault_pluginserver_events_in_flight 0.0" in page
    assert "kong_vault_cache_hits_total" in page


def test_nothing_else_is_there(server: PluginServer, door: Path) -> None:
    assert get(door, "/")[0] == 404
    assert get(door, "/v1/status", "POST")[0] == 405


def test_the_socket_goes_with_the_server(server: PluginServer, door: Path) -> None:
    assert door.exists()

    assert server.stop() == 0

    assert not door.exists()


def test_a_status_socket_that_cannot_be_had_is_one_line(
    start_server: Start, settings_file: Callable[..., Path], folder: Path
) -> None:
    settings = settings_file(vault_py_pluginserver_status_socket=folder / "nowhere" / "s")

    with pytest.raises(AssertionError, match="can't make it: No such file or directory"):
        start_server("--settings", settings)


def test_sigusr1_puts_the_status_into_the_log(server: PluginServer, kong: Kong) -> None:
    kong.start("scripted")

    os.kill(server.pid, signal.SIGUSR1)

    wait_until(lambda: "status: {'pid': " in server.log, "the status")
    assert kong.event(kong.start("scripted"), "access").end == "ret"


def test_a_log_of_json_has_one_object_per_line(start_server: Start) -> None:
    with contextlib.closing(
        Kong((server := start_server("--log-format", "json", "--log-level", "debug")).path)
    ) as kong:
        kong.event(kong.start("scripted", access=[["raise", "ValueError", "two\nlines"]]), "access")
    server.stop()

    records = [json.loads(line) for line in server.log.splitlines()]

    assert all(set(record) >= {"time", "level", "logger", "msg", "pid"} for record in records)
    assert any("two\nlines" in record.get("trace", "") for record in records)
