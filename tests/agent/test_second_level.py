"""The agent as another process's vault: one cache for the node, and no credentials but the agent's."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import (
    ConfigError,
    InvalidReferenceError,
    InvalidResponseError,
    KeyNotFoundError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
    UnknownPrefixError,
    VaultError,
)
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.base import HealthStatus
from tests.agent.agent_process import AgentProcess, Shelf
from tests.agent.agent_thread import AgentThread
from tests.agent.http_over_socket import ask, resolve
from tests.servers.polling import wait_until
from tests.unit.backend import Clock

Start = Callable[..., AgentProcess]
Serve = Callable[..., AgentThread]

PASSWORD = "{vault://shelf/db/password}"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def local(folder: Path, clock: Clock) -> Iterator[Vault]:
    """A vault that knows the agent's socket and nothing else."""
    settings = Settings({}, RuntimeSettings(agent=str(folder / "agent.sock"), agent_timeout_s=5.0))
    with Vault(settings, clock=clock, background=False) as vault:
        yield vault


def put(shelf: Shelf, password: str) -> None:
    shelf.put("db", json.dumps({"username": "app", "password": password}))


def questions(agent: AgentThread) -> int:
    """How often somebody asked for a resource."""
    page = ask(agent.path, "GET", "/metrics").body.decode()
    return sum(int(float(count)) for count in re.findall(r'requests_total{route="/v1/resource",.*} (.*)', page))


def test_all_keys_of_a_resource_come_with_one_question_and_are_kept(serve: Serve, shelf: Shelf, local: Vault) -> None:
    put(shelf, "pw-1")
    agent = serve()

    values = [local.get(PASSWORD).reveal(), local.get("{vault://shelf/db/username}").reveal()]
    asked = questions(agent)
    assert agent.stop() == 0

    assert values == ["pw-1", "app"]
    assert local.get(PASSWORD).reveal() == "pw-1"
    assert asked == 1
    assert shelf.calls == ["db"]


def test_two_processes_and_lua_cost_the_vault_one_fetch(serve: Serve, shelf: Shelf, local: Vault, folder: Path) -> None:
    put(shelf, "pw-1")
    agent = serve()
    settings = Settings({}, RuntimeSettings(agent=str(folder / "agent.sock")))

    with Vault(settings, background=False) as other:
        values = {local.get(PASSWORD).reveal(), other.get(PASSWORD).reveal()}
    values.add(resolve(agent.path, PASSWORD).body["value"])

    assert values == {"pw-1"}
    assert shelf.calls == ["db"]


def test_a_rotated_value_arrives_by_the_agents_own_refresh(
    serve: Serve, shelf: Shelf, local: Vault, clock: Clock
) -> None:
    put(shelf, "pw-1")
    serve(vault_shelf_ttl=0.2)
    first = local.lookup(PASSWORD)

    put(shelf, "pw-2")

    def rotated() -> bool:
        clock.advance(1.5)
        local.rotate()
        return local.get(PASSWORD).reveal() == "pw-2"

    wait_until(rotated, "the new value")
    assert first.secret.reveal() == "pw-1"
    assert first.ttl_s is not None
    assert 0 < first.ttl_s <= 1.0


def test_a_failed_login_is_answered_with_what_the_agent_has_now(
    serve: Serve, shelf: Shelf, local: Vault, clock: Clock
) -> None:
    put(shelf, "pw-1")
    agent = serve(vault_shelf_ttl=0.2)
    plan = local.plan({"password": PASSWORD})
    local.update(plan)
    put(shelf, "pw-2")
    wait_until(lambda: resolve(agent.path, PASSWORD).body["value"] == "pw-2", "the agent's refresh")
    clock.advance(0.1)

    def log_in(config: dict[str, object]) -> str:
        if config["password"].reveal() != "pw-2":  # type: ignore[attr-defined]
            raise ConnectionRefusedError
        return "in"

    assert local.try_(log_in, plan) == "in"


def test_a_dead_agents_values_are_served_on_and_a_new_one_is_found(
    serve: Serve, shelf: Shelf, local: Vault, clock: Clock
) -> None:
    put(shelf, "pw-1")
    first = serve(vault_shelf_ttl=1)
    local.get(PASSWORD)
    first.stop()
    clock.advance(5)
    local.rotate()

    assert local.get(PASSWORD).reveal() == "pw-1"
    with pytest.raises(UnavailableError, match="is kong-vault agent running"):
        local.get("{vault://shelf/other}")
    assert local.check("shelf").status is HealthStatus.UNAVAILABLE

    put(shelf, "pw-2")
    serve(vault_shelf_ttl=1)
    clock.advance(60)
    local.rotate()
    assert local.get(PASSWORD).reveal() == "pw-2"
    assert local.check("shelf").status is HealthStatus.OK


def test_the_agents_resurrect_ttl_counts_here_too(serve: Serve, shelf: Shelf, local: Vault, clock: Clock) -> None:
    put(shelf, "pw-1")
    agent = serve(vault_shelf_ttl=10, vault_shelf_resurrect_ttl=20)
    local.get(PASSWORD)
    agent.stop()

    clock.advance(25)
    local.rotate()
    assert local.get(PASSWORD).reveal() == "pw-1"

    clock.advance(25)
    with pytest.raises(UnavailableError):
        local.get(PASSWORD)


def test_base64_is_decoded_key_by_key(serve: Serve, shelf: Shelf, local: Vault) -> None:
    put(shelf, "cHctMQ==")
    shelf.put("bytes", "/wD+")
    agent = serve(vault_shelf_base64_decode="on")

    assert local.get(PASSWORD).reveal() == "pw-1"
    assert local.get("{vault://shelf/bytes}").reveal_bytes() == b"\xff\x00\xfe"
    assert resolve(agent.path, PASSWORD).body["value"] == "pw-1"


def test_overrides_and_odd_names_reach_the_agent(serve: Serve, shelf: Shelf, local: Vault) -> None:
    shelf.put("a&b c", "odd")
    shelf.put("x#y", "bytes \udce9".encode("utf-8", "surrogateescape"))
    serve()

    assert local.get("{vault://shelf/b c?prefix=a%26&ttl=7}").reveal() == "odd"
    assert local.get("{vault://shelf/x%2523y}").reveal_bytes() == b"bytes \xe9"


def test_the_agents_errors_are_the_same_here(serve: Serve, shelf: Shelf, local: Vault) -> None:
    put(shelf, "pw-1")
    serve()
    for reference, error, text in [
        ("{vault://shelf/absent}", SecretNotFoundError, "nothing called 'absent'"),
        ("{vault://shelf/db/absent}", KeyNotFoundError, "absent"),
        ("{vault://shelf/denied}", PermissionDeniedError, "keeps 'denied' to itself"),
        ("{vault://nowhere/db}", UnknownPrefixError, "no vault entity has the prefix 'nowhere'"),
        ("{vault://shelf/db?folder=/etc}", ConfigError, "may not set 'folder'"),
        ("{vault://shelf/db#x}", InvalidReferenceError, "has invalid version"),
    ]:
        with pytest.raises(error, match=text) as raised:
            local.get(reference)

        assert type(raised.value) is error
        assert "\n" not in str(raised.value)


def test_a_name_that_only_kong_knows_is_not_asked_for_in_every_request(
    serve: Serve, shelf: Shelf, local: Vault
) -> None:
    agent = serve()
    plan = local.plan({"password": "kongs-own", "$refs": {"password": "{vault://kongs/db}"}})

    for _ in range(5):
        assert local.update(plan)["password"].reveal() == "kongs-own"

    assert questions(agent) == 1


def test_an_absent_secret_that_appears_is_found_soon(serve: Serve, shelf: Shelf, local: Vault, clock: Clock) -> None:
    serve(vault_shelf_neg_ttl=0)
    with pytest.raises(SecretNotFoundError):
        local.get("{vault://shelf/late}")
    shelf.put("late", "here")

    clock.advance(1)

    assert local.get("{vault://shelf/late}").reveal() == "here"


def test_an_agent_that_hangs_is_left_at_the_deadline(start_agent: Start, folder: Path, clock: Clock) -> None:
    agent = start_agent()
    agent.process.send_signal(signal.SIGSTOP)
    settings = Settings({}, RuntimeSettings(agent=str(agent.path), agent_timeout_s=0.2))
    try:
        with (
            Vault(settings, clock=clock, background=False) as local,
            pytest.raises(StrategyTimeoutError, match=r"did not answer within 0.2 s \(vault_py_agent_timeout_s\)"),
        ):
            local.get(PASSWORD)
    finally:
        agent.process.send_signal(signal.SIGCONT)


def test_it_knows_no_vault_of_its_own(serve: Serve, shelf: Shelf, folder: Path) -> None:
    put(shelf, "pw-1")
    serve()
    values = {"vault_shelf_folder": "/nowhere", "vault_env_prefix": "X_"}
    settings = Settings(values, RuntimeSettings(agent=str(folder / "agent.sock")))

    with Vault(settings, background=False) as local:
        assert local.get(PASSWORD).reveal() == "pw-1"
        assert local.entities() == []
        local.preload()
        with pytest.raises(ConfigError, match="all secrets come from the agent"):
            local.lookup_in(VaultEntity("x", "env", {}, "request"), "home")


def test_a_forked_child_asks_on_connections_of_its_own(start_agent: Start, shelf: Shelf, local: Vault) -> None:
    put(shelf, "pw-1")
    shelf.put("other", "value")
    start_agent()
    local.get(PASSWORD)

    child = os.fork()
    if child == 0:
        os._exit(0 if local.get("{vault://shelf/other}").reveal() == "value" else 1)

    assert os.waitpid(child, 0)[1] == 0
    assert local.get("{vault://shelf/other}").reveal() == "value"


def _answer(status: str, body: str, length: int | None = None) -> bytes:
    head = f"HTTP/1.1 {status}\r\nContent-Length: {len(body) if length is None else length}\r\n\r\n"
    return (head + body).encode()


@pytest.mark.parametrize(
    ("answer", "error", "text"),
    [
        (b"", UnavailableError, "closed without an answer"),
        (b"SSH-2.0-OpenSSH\r\n", InvalidResponseError, "does not speak HTTP"),
        (_answer("200 OK", "canary"), InvalidResponseError, "no answer of an agent"),
        (_answer("200 OK", "[]"), InvalidResponseError, "no answer of an agent"),
        (_answer("200 OK", '{"value": 1, "encoding": "utf-8", "ttl": 1}'), InvalidResponseError, "no answer"),
        (_answer("200 OK", '{"value": "canary", "encoding": "rot13", "ttl": 1}'), InvalidResponseError, "no answer"),
        (_answer("200 OK", '{"value": "canary", "encoding": "base64", "ttl": 1}'), InvalidResponseError, "no answer"),
        (_answer("200 OK", '{"value": "canary", "encoding": "utf-8", "ttl": "1"}'), InvalidResponseError, "no answer"),
        (_answer("200 OK", '{"value"', length=100), UnavailableError, "closed amid an answer"),
        (_answer("500 Oops", "{}"), InvalidResponseError, "status 500"),
        (_answer("500 Oops", '{"error": {"message": "x", "type": "Exception"}}'), InvalidResponseError, "x"),
        (_answer("500 Oops", '{"error": {"message": "x", "type": ["y"]}}'), InvalidResponseError, "x"),
    ],
)
def test_whatever_else_listens_there_is_an_error_of_ours(
    folder: Path, local: Vault, answer: bytes, error: type[VaultError], text: str
) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(folder / "agent.sock"))
        listener.listen()
        impostor = threading.Thread(target=_impostor, args=(listener, answer))
        impostor.start()
        with pytest.raises(error, match=text) as raised:
            local.get(PASSWORD)
        impostor.join()

    assert type(raised.value) is error
    assert "canary" not in str(raised.value)


def test_an_agent_that_sends_for_ever_is_left_at_the_deadline(folder: Path, clock: Clock) -> None:
    path = folder / "agent.sock"
    settings = Settings({}, RuntimeSettings(agent=str(path), agent_timeout_s=0.2))
    for head in (b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n"):
        with socket.socket(socket.AF_UNIX) as listener:
            listener.bind(str(path))
            listener.listen()
            dripping = threading.Thread(target=_drip, args=(listener, head))
            dripping.start()
            with Vault(settings, clock=clock, background=False) as local, pytest.raises(StrategyTimeoutError):
                local.get(PASSWORD)
            dripping.join(20)
        path.unlink()


def _drip(listener: socket.socket, head: bytes) -> None:
    client, _address = listener.accept()
    with client, contextlib.suppress(OSError):
        client.sendall(head)
        while True:
            client.sendall(b"x")
            time.sleep(0.01)


def test_a_path_that_can_be_no_socket_is_told(folder: Path) -> None:
    settings = Settings({}, RuntimeSettings(agent=str(folder / ("x" * 200))))

    with Vault(settings, background=False) as local, pytest.raises(UnavailableError, match="path too long"):
        local.get(PASSWORD)


def _impostor(listener: socket.socket, answer: bytes) -> None:
    client, _address = listener.accept()
    with client:
        asked = b""
        while not asked.endswith(b'}"}'):
            asked += client.recv(65536)
        client.sendall(answer)
