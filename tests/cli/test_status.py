"""``kong-vault status``: what a running agent tells, and what answers that is none."""

import http.server
import json
import os
import pty
import signal
import socketserver
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

import pytest

from kong_vault_py.agent_client import AgentClient
from kong_vault_py.cli.status_table import lines
from kong_vault_py.errors import VaultError
from tests.agent.agent_process import AgentProcess, Shelf
from tests.cli.running import kong_vault

HEALTHY = {
    "references": ["{vault://hcv/redis/password}", "{vault://hcv/redis/username}"],
    "prefix": "hcv",
    "strategy": "hcv",
    "hits": 1234,
    "age_s": 61.0,
    "refresh_in_s": 240.4,
    "serve_for_s": 1e8,
    "failures": 0,
    "error": None,
}
STALE = HEALTHY | {
    "references": ["{vault://aws/db/password}"],
    "prefix": "aws",
    "strategy": "aws",
    "refresh_in_s": -42.0,
    "serve_for_s": 300.0,
    "failures": 3,
    "error": "can't reach AWS",
}
LOST = STALE | {"references": [], "strategy": None, "age_s": None, "serve_for_s": None, "refresh_in_s": None}
COUNTS = {"hits": 998, "misses": 2, "fetches": 5, "failures": 1, "evictions": 0}


@pytest.fixture
def folder():
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="kvs") as name:
        yield Path(name)


@pytest.fixture
def agent(folder):
    shelf = Shelf(folder)
    shelf.put("redis", '{"password": "canary-value"}')
    running = AgentProcess(folder, shelf, vault_shelf_ttl="60")
    try:
        running.wait_serving()
        yield running
    finally:
        running.stop()


@pytest.fixture
def answering(folder):
    """Starts a server that gives one answer on a socket, and returns the socket's path."""
    servers = []

    def start(body, status=200):
        class Answer(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                content = body if isinstance(body, bytes) else json.dumps(body).encode()
                self.send_response(status)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def address_string(self):
                return "socket"

            def log_message(self, *_):
                pass

        path = folder / f"{len(servers)}.sock"
        server = socketserver.ThreadingUnixStreamServer(str(path), Answer)
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        return path

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_a_running_agent_tells_what_it_keeps_and_no_value(agent):
    client = AgentClient(str(agent.path), 5)
    client.resource("{vault://shelf/redis/password}")
    with pytest.raises(VaultError):
        client.resource("{vault://shelf/absent}")
    client.close()

    table = kong_vault("status", "--settings", agent.settings, KONG_VAULT_PY_AGENT_SOCKET=str(agent.path))
    plain = kong_vault("status", "--socket", agent.path, "--json")

    text = table.stdout.decode()
    assert (table.returncode, plain.returncode) == (0, 0)
    assert text.startswith(f"{agent.path}: 2 look-ups (0 % from the cache)\n2 fetches, 1 of them failed; ")
    assert "{vault://shelf/redis}" in text
    told = json.loads(plain.stdout)
    assert told["counts"]["fetches"] == 2
    assert {"{vault://shelf/redis}"} == {name for kept in told["resources"] for name in kept["references"]}
    assert b"canary" not in table.stdout + plain.stdout


def test_watching_shows_it_again_until_ctrl_c(answering):
    path = answering({"counts": COUNTS, "resources": []})
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "kong_vault_py.cli", "status", "--watch", "--interval", "0.1", "--json"),
            "--socket",
            path,
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={},
    )
    assert process.stdout is not None

    seen = [json.loads(process.stdout.readline())["counts"] for _ in range(3)]
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=20)

    assert seen == [COUNTS] * 3
    assert (process.returncode, told) == (130, b"")


def test_the_plugin_servers_socket_comes_from_its_setting(answering):
    path = answering({"counts": COUNTS, "resources": [STALE]})

    unset = kong_vault("status", "--pluginserver")
    found = kong_vault("status", "--pluginserver", KONG_VAULT_PY_PLUGINSERVER_STATUS_SOCKET=str(path))

    assert unset.returncode == 1
    assert b"vault_py_pluginserver_status_socket" in unset.stderr
    assert b"{vault://aws/db/password}" in found.stdout
    assert found.returncode == 0


@pytest.mark.parametrize(("resources", "code"), [([HEALTHY], 0), ([HEALTHY, STALE], 1)])
def test_check_fails_where_a_resource_fails(answering, resources, code):
    path = answering({"counts": COUNTS, "resources": resources})

    assert kong_vault("status", "--check", "--socket", path).returncode == code
    assert kong_vault("status", "--socket", path).returncode == 0


@pytest.mark.parametrize(
    ("body", "status"), [(b"no json", 200), ({"error": {}}, 404), ([1], 200), ({"resources": 5, "counts": {}}, 200)]
)
def test_what_answers_otherwise_is_one_line(answering, body, status):
    done = kong_vault("status", "--socket", answering(body, status))

    assert done.returncode == 1
    assert done.stdout == b""
    assert len(done.stderr.splitlines()) == 1


def test_nobody_there_is_one_line_with_the_path(folder):
    (folder / "file").touch()

    for name, reason in (
        ("absent", b"No such file"),
        ("file", b"Connection refused"),
        ("a" * 200, b"path too long"),
    ):
        done = kong_vault("status", "--socket", folder / name)

        assert done.returncode == 1
        assert len(done.stderr.splitlines()) == 1
        assert reason in done.stderr
        assert str(folder / name).encode() in done.stderr


def test_the_table_has_what_is_lost_first_then_what_fails_and_says_what_is_served():
    told = list(lines({"counts": COUNTS, "resources": [HEALTHY, STALE, LOST]}, 12.34, "agent.sock"))

    assert told[0] == "agent.sock: 1 000 look-ups (99.8 % from the cache), 12.3 a second"
    assert told[1] == "5 fetches, 1 of them failed; 3 resources kept, 0 values evicted"
    lost, stale, healthy = (line.split("  ") for line in told[4:])
    assert stale[0] == "{vault://aws/db/password}"
    assert "42 s late" in [cell.strip() for cell in stale]
    assert "old value served for 5 min, 3 failures" in stale[-1]
    assert stale[-1].endswith(": can't reach AWS")
    assert lost[0].strip() == "{vault://aws/...}"
    assert "no value, 3 failures" in lost[-1]
    assert healthy[0] == "{vault://hcv/redis/password} +1"
    assert [cell.strip() for cell in healthy if cell][1:5] == ["hcv", "1 min 1 s", "in 4 min", "1234"]


def test_a_manager_is_told_of_where_there_is_one():
    manager = {
        "url": "https://manager.internal",
        "revision": 7,
        "vaults": 1,
        "connected": False,
        "last_sync_age_s": 90.2,
        "error": "connection refused",
    }

    told = list(lines({"counts": COUNTS, "resources": [], "manager": manager}, None, "agent.sock"))

    assert told[2].startswith("manager https://manager.internal: ")
    assert told[2].endswith("1 vault of revision 7, heard of 1 min 30 s ago: connection refused")


@pytest.mark.parametrize(("environ", "coloured"), [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)])
def test_colour_is_for_terminals_that_want_it(answering, environ, coloured):
    path = answering({"counts": COUNTS, "resources": [STALE]})
    leader, follower = pty.openpty()
    try:
        subprocess.run(
            [sys.executable, "-m", "kong_vault_py.cli", "status", "--socket", path],
            stdout=follower,
            env={"TERM": "xterm", **environ},
            check=True,
            timeout=60,
        )
        shown = os.read(leader, 65536)
    finally:
        os.close(leader)
        os.close(follower)

    assert b"old value served" in shown
    assert (b"\x1b[33m" in shown) is coloured
