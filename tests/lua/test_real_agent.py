"""A real agent and a real Vault behind the strategies, by Kong's start, a timer, a request and the command line."""

from __future__ import annotations

import secrets
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lua.doors import DOORS, Doors, call
from tests.servers.polling import wait_until
from tests.servers.process import ServerProcess
from tests.servers.vault_server import VaultServer


class Backend:
    """A KV engine, and a token that may read it."""

    def __init__(self, vault: VaultServer) -> None:
        self._vault = vault
        self.mount = f"lua-{secrets.token_hex(4)}"
        vault.enable_kv(self.mount, 2)
        vault.write_policy(self.mount, f'path "{self.mount}/*" {{ capabilities = ["read"] }}')
        self.options = {
            "host": vault.host,
            "port": str(vault.port),
            "mount": self.mount,
            "kv": "v2",
            "token": vault.make_token(policies=[self.mount]),
        }

    def put(self, name: str, **fields: str) -> None:
        self._vault.call("POST", f"{self.mount}/data/{name}", {"data": fields})


def start_agent(folder: Path, **settings: str) -> ServerProcess:
    config = folder / "agent.conf"
    config.touch(mode=0o600)
    config.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
    path = folder / "agent.sock"
    agent = ServerProcess(
        [sys.executable, "-m", "kong_vault_py.cli", "agent", "--socket", path, "--settings", config],
        folder,
        path.exists,
    )
    agent.start()
    return agent


@pytest.fixture(scope="module")
def backend(nginx_and_luajit: None, vault: VaultServer) -> Backend:
    made = Backend(vault)
    made.put("redis", password="first", user="kong")
    made.put("redis", password="s3cret", user="kong")
    return made


@pytest.fixture(scope="module")
def open_agent(nginx_and_luajit: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """An agent that knows no vault: requests say where theirs is. Returns its socket."""
    folder = tmp_path_factory.mktemp("agent")
    agent = start_agent(folder)
    yield str(folder / "agent.sock")
    agent.stop()


@pytest.mark.parametrize("door", DOORS)
def test_a_secret_of_vault(doors: Doors, backend: Backend, open_agent: str, door: str) -> None:
    options = backend.options | {"agent_socket": open_agent}

    current, old, absent = doors.ask(
        door, [call("hcv", "redis", **options), call("hcv", "redis", 1, **options), call("hcv", "nothing", **options)]
    )

    assert b'"s3cret"' in (current.value or b"")
    assert b'"first"' in (old.value or b"")
    assert (current.error, current.ttl, old.ttl) == (None, 0, 0)
    assert absent.value is None
    assert (absent.error or "").endswith("(not_found)")


def test_what_is_wrong_with_the_vault_is_told(doors: Doors, backend: Backend, open_agent: str) -> None:
    good = backend.options | {"agent_socket": open_agent}
    cases = {
        "(permission_denied)": good | {"mount": "sys"},
        "(unavailable)": good | {"port": "1"},
        "(config)": {"agent_socket": open_agent, "kv": "v2", "host": "127.0.0.1", "auth_method": "approle"},
    }

    found = doors.ask("access", [call("hcv", "redis", **options) for options in cases.values()])

    for code, result in zip(cases, found, strict=True):
        assert result.value is None
        assert (result.error or "").endswith(code)
        assert backend.options["token"] not in (result.error or "")


def test_credentials_may_stay_with_the_agent(doors: Doors, backend: Backend, tmp_path: Path) -> None:
    settings = {f"vault_hcv_{name}": value for name, value in backend.options.items()}
    agent = start_agent(tmp_path, **settings, vault_py_agent_accept_config="none")
    options = {"agent_socket": str(tmp_path / "agent.sock")}

    try:
        own, redirected, overridden = doors.ask(
            "access",
            [
                call("hcv", "redis", **options),
                call("hcv", "redis", host="other.example", **options),
                call("hcv", "redis", kv="v1", **options),
            ],
        )
    finally:
        agent.stop()

    assert b'"s3cret"' in (own.value or b"")
    assert redirected.value is None
    assert "takes no 'host' from requests" in (redirected.error or "")
    # The reference's word counts: this mount isn't kv v1.
    assert overridden.value is None


def test_a_new_value_comes_with_the_agents_next_refresh(doors: Doors, backend: Backend, open_agent: str) -> None:
    backend.put("rotated", password="old")
    calls = [call("hcv", "rotated", **backend.options, ttl="1", agent_socket=open_agent)]
    before = doors.ask("timer", calls)[0]

    backend.put("rotated", password="new")

    wait_until(lambda: b'"new"' in (doors.ask("timer", calls)[0].value or b""), "the new value", every_s=0.1)
    assert b'"old"' in (before.value or b"")
    # Kong is told to ask again after the refresh, never that it need not.
    assert before.ttl is not None
    assert 1 <= before.ttl <= 2


def test_an_agent_that_restarts_is_found_again(doors: Doors, backend: Backend, tmp_path: Path) -> None:
    agent = start_agent(tmp_path)
    calls = [call("hcv", "redis", **backend.options, agent_socket=str(tmp_path / "agent.sock"))]
    values = [doors.ask("access", calls)[0].value]

    agent.stop()
    meanwhile = doors.ask("access", calls)[0]
    agent.start()
    values.append(doors.ask("access", calls)[0].value)
    agent.stop()

    assert "no connection to the kong-vault agent" in (meanwhile.error or "")
    assert values[0] is not None
    assert values[0] == values[1]
