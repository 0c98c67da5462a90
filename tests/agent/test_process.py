"""The agent's process: its socket, its port, crowds, large bodies, signals, and what systemd hears."""

from __future__ import annotations

import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_vault_py.agent.notify import notify
from tests.agent.agent_process import REPOSITORY, AgentProcess, Shelf
from tests.agent.agent_thread import AgentThread
from tests.agent.http_over_socket import Connection, ask, fetch, resolve
from tests.servers.polling import wait_until

Start = Callable[..., AgentProcess]
Serve = Callable[..., AgentThread]

TOKEN = "a-token-of-thirty-two-characters"


@pytest.fixture
def token_file(folder: Path) -> Path:
    path = folder / "token"
    path.touch(mode=0o600)
    path.write_text(TOKEN + "\n")
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_the_socket_is_its_owners_only_even_under_umask_0_and_serves(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", '{"password": "hunter2"}')
    agent = start_agent()

    answer = resolve(agent.path, "{vault://shelf/db/password}")

    assert mode_of(agent.path) == 0o600
    assert (answer.status, answer.body["value"]) == (200, "hunter2")
    assert answer.headers["cache-control"] == "no-store"


def test_mode_and_group_of_the_socket_can_be_set(serve: Serve) -> None:
    agent = serve(vault_py_agent_socket_mode="0660", vault_py_agent_socket_group=os.getgid())

    assert mode_of(agent.path) == 0o660
    assert agent.path.stat().st_gid == os.getgid()


def test_a_socket_for_everyone_is_an_operators_choice_that_the_log_tells(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    agent = serve(vault_py_agent_socket_mode="0666")

    assert mode_of(agent.path) == 0o666
    assert "every user of this machine gets its secrets" in caplog.text


def test_fifty_who_ask_at_once_cost_one_fetch(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", "hunter2")
    shelf.put(".slow", "0.15")
    agent = start_agent()
    together = threading.Barrier(50)

    def one(number: int) -> str:
        together.wait()
        if number % 2:
            return str(resolve(agent.path, "{vault://shelf/db}").body["value"])
        return str(fetch(agent.path, "shelf", "db").body["value"])

    with ThreadPoolExecutor(50) as pool:
        values = list(pool.map(one, range(50)))

    assert values == ["hunter2"] * 50
    assert shelf.calls == ["db"]


def test_over_tcp_a_token_is_needed_and_another_host_is_refused(
    serve: Serve, shelf: Shelf, token_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    shelf.put("db", "hunter2")
    agent = serve(vault_py_agent_listen="127.0.0.1:0", vault_py_agent_token_file=token_file)
    port = agent.port

    right = resolve(port, "{vault://shelf/db}", X_Kong_Vault_Token=TOKEN)
    missing = resolve(port, "{vault://shelf/db}")
    wrong = resolve(port, "{vault://shelf/db}", X_Kong_Vault_Token=TOKEN[:-1] + "z")
    foreign = resolve(port, "{vault://shelf/db}", X_Kong_Vault_Token=TOKEN, Host=f"evil.example:{port}")
    probe = ask(port, "GET", "/v1/ready")

    assert (right.status, right.body["value"]) == (200, "hunter2")
    assert [(found.status, found.code) for found in (missing, wrong)] == [(401, "token"), (401, "token")]
    assert (foreign.status, foreign.code) == (403, "forwarded")
    assert probe.status == 200
    assert shelf.calls == ["db"]
    assert TOKEN not in caplog.text


def test_a_new_token_counts_from_a_reload_on(serve: Serve, shelf: Shelf, token_file: Path) -> None:
    shelf.put("db", "hunter2")
    agent = serve(vault_py_agent_listen="127.0.0.1:0", vault_py_agent_token_file=token_file)
    token_file.write_text("another-token-of-thirty-characters")

    agent.agent.reload()

    assert resolve(agent.port, "{vault://shelf/db}", X_Kong_Vault_Token=TOKEN).status == 401
    new = resolve(agent.port, "{vault://shelf/db}", X_Kong_Vault_Token="another-token-of-thirty-characters")
    assert new.status == 200


def test_changed_settings_are_taken_up_while_it_runs(start_agent: Start, shelf: Shelf, folder: Path) -> None:
    shelf.put("db", "here")
    other = folder / "other"
    other.mkdir()
    (other / "db").write_text("there")
    agent = start_agent(vault_py_reload_interval_s=0.05)
    assert resolve(agent.path, "{vault://shelf/db}").body["value"] == "here"

    agent.configure(shelf, vault_shelf_folder=other, vault_py_reload_interval_s=0.05)

    wait_until(lambda: resolve(agent.path, "{vault://shelf/db}").body["value"] == "there", "the new settings")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_takes_the_socket_away(start_agent: Start, number: signal.Signals) -> None:
    agent = start_agent()
    idle = Connection(agent.path)
    assert idle.ask("GET", "/v1/health").status == 200

    assert agent.stop(number) == 0
    assert not agent.path.exists()
    idle.close()


def test_a_request_under_way_is_answered_before_it_ends(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", "hunter2")
    shelf.put(".slow", "0.3")
    agent = start_agent()
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(resolve, agent.path, "{vault://shelf/db}")
        wait_until(lambda: shelf.calls == ["db"], "the fetch")

        assert agent.stop() == 0

        assert answer.result().body["value"] == "hunter2"


def test_a_new_agent_takes_the_socket_over_from_a_live_one(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", "hunter2")
    old = start_agent()
    start_agent()

    assert old.stop() == 0
    assert resolve(old.path, "{vault://shelf/db}").status == 200


def test_it_is_ready_when_it_is_warm(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", '{"username": "app", "password": "hunter2"}')
    shelf.put(".slow", "0.2")
    agent = start_agent(vault_py_agent_warmup="{vault://shelf/db/username},{vault://shelf/db/password}")

    starting = ask(agent.path, "GET", "/v1/ready")
    wait_until(lambda: ask(agent.path, "GET", "/v1/ready").status == 200, "readiness")

    assert (starting.status, starting.body["status"]) == (503, "starting")
    assert ask(agent.path, "GET", "/v1/ready").body == {"status": "ready", "missing": 0}
    assert shelf.calls == ["db"]


def test_what_cannot_be_warmed_up_is_told_and_does_not_stop_it(start_agent: Start, shelf: Shelf) -> None:
    shelf.put("db", "hunter2")
    agent = start_agent(vault_py_agent_warmup="{vault://shelf/db}, {vault://shelf/absent}")

    wait_until(lambda: ask(agent.path, "GET", "/v1/ready").status == 200, "readiness")

    assert ask(agent.path, "GET", "/v1/ready").body == {"status": "degraded", "missing": 1}
    assert "warm-up: {vault://shelf/absent}: " in agent.log


def test_systemd_may_listen_on_an_abstract_socket_or_be_gone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = str(folder / "notify")
    monkeypatch.setenv("NOTIFY_SOCKET", "@" + path)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(20)
        listener.bind("\0" + path)
        notify("READY=1", "STATUS=ready")

        assert listener.recv(1000) == b"READY=1\nSTATUS=ready"
    notify("STOPPING=1")


def test_systemd_hears_of_its_life(start_agent: Start, folder: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(20)
        listener.bind(str(folder / "notify"))
        agent = start_agent({"NOTIFY_SOCKET": str(folder / "notify"), "WATCHDOG_USEC": "100000"})
        heard = {listener.recv(1000).decode(), listener.recv(1000).decode()}
        watched = listener.recv(1000).decode()
        agent.process.send_signal(signal.SIGHUP)
        reloading = _next(listener)
        again = _next(listener)
        agent.process.send_signal(signal.SIGTERM)
        stopping = _next(listener)

    assert heard == {"READY=1\nSTATUS=ready", "WATCHDOG=1"}
    assert watched == "WATCHDOG=1"
    assert reloading.startswith("RELOADING=1\nMONOTONIC_USEC=")
    assert again == "READY=1"
    assert stopping == "STOPPING=1"


def _next(listener: socket.socket) -> str:
    while (heard := listener.recv(1000).decode()) == "WATCHDOG=1":
        pass
    return heard


def test_a_storm_of_sighups_is_a_few_reloads_and_it_is_not_ready_before_its_warm_up(
    start_agent: Start, shelf: Shelf, folder: Path
) -> None:
    shelf.put(".slow", "0.3")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.settimeout(20)
        listener.bind(str(folder / "notify"))
        agent = start_agent(
            {"NOTIFY_SOCKET": str(folder / "notify")}, vault_py_agent_warmup="{vault://shelf/a},{vault://shelf/b}"
        )
        for _ in range(500):
            agent.process.send_signal(signal.SIGHUP)
        first = listener.recv(1000).decode()

    assert first == "READY=1\nSTATUS=degraded"
    assert 1 <= agent.log.count('msg="settings read again"') < 400
    assert ask(agent.path, "GET", "/v1/health").status == 200


def test_a_long_warm_up_does_not_hold_up_its_end(start_agent: Start, shelf: Shelf) -> None:
    shelf.put(".slow", "0.1")
    agent = start_agent(vault_py_agent_warmup=",".join(f"{{vault://shelf/{number}}}" for number in range(1000)))
    wait_until(lambda: bool(shelf.calls), "the warm-up")

    assert agent.stop() == 0

    assert len(shelf.calls) < 300


def test_no_secret_is_in_its_log_whatever_happens(start_agent: Start, shelf: Shelf) -> None:
    canary = "canary-5f1d"
    shelf.put("db", f'{{"password": "{canary}"}}')
    agent = start_agent(vault_shelf_ttl=0.2, vault_shelf_token=f"{canary}-token", vault_py_agent_accept_config="any")
    resolve(agent.path, "{vault://shelf/db/password}")
    fetch(agent.path, "shelf", "db", folder=str(shelf.folder), token=f"{canary}-request")
    resolve(agent.path, f"{{vault://shelf/db?token={canary}}}")
    ask(agent.path, "POST", "/v1/resolve", {"reference": f"{canary} instead of a reference"})
    resolve(agent.path, "another-canary-5f1d instead of a reference, that is no secret of ours")
    shelf.put(".bug", canary)
    failed = resolve(agent.path, "{vault://shelf/other}")
    wait_until(lambda: agent.log.count("failed with RuntimeError") >= 2, "the refresh")
    pages = [ask(agent.path, "GET", "/v1/status").body, ask(agent.path, "GET", "/metrics").body]

    assert (failed.status, failed.code) == (502, "invalid_response")
    assert canary not in agent.log
    assert canary not in str(pages)


def test_what_it_cannot_start_with_is_one_line(folder: Path) -> None:
    settings = {"vault_py_agent_socket": "agent.sock", "vault_py_agent_socket_group": "no-such-group"}
    environment = {f"KONG_{key.upper()}": value for key, value in settings.items()}

    ended = subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", "agent"],
        cwd=folder,
        env={"PYTHONPATH": str(REPOSITORY), **environment},
        capture_output=True,
        text=True,
        timeout=60,
    )

    [line] = [line for line in ended.stderr.splitlines() if not line.startswith("time=")]
    assert ended.returncode == 1
    assert line.startswith("kong-vault agent: ")
    assert "no such group" in line
    assert not (folder / "agent.sock").exists()
