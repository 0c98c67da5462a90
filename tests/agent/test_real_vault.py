"""The agent in front of a real Vault: with its own login, with a request's, and through a rotation."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator

import pytest

from tests.agent.agent_process import AgentProcess
from tests.agent.http_over_socket import fetch, resolve
from tests.servers.polling import wait_until
from tests.servers.vault_server import VaultServer

Start = Callable[..., AgentProcess]


@pytest.fixture
def mount(vault: VaultServer) -> Iterator[str]:
    name = f"agent-{uuid.uuid4().hex[:8]}"
    vault.enable_kv(name, 2)
    vault.write_policy(name, f'path "{name}/data/db" {{ capabilities = ["read"] }}')
    yield name
    vault.disable(name)


def _put(vault: VaultServer, mount: str, resource: str, **fields: str) -> None:
    vault.call("POST", f"{mount}/data/{resource}", {"data": fields})


@pytest.mark.real("vault")
def test_secrets_of_a_real_vault_by_both_ways_in(start_agent: Start, vault: VaultServer, mount: str) -> None:
    _put(vault, mount, "db", username="app", password="pw-1")
    _put(vault, mount, "other", password="not for us")
    where = {"host": vault.host, "port": vault.port, "protocol": vault.protocol, "mount": mount, "kv": "v2"}
    own = {f"vault_hcv_{name}": value for name, value in where.items()}
    token = vault.make_token(policies=[mount], ttl="10m")
    agent = start_agent(vault_hcv_token=token, vault_hcv_ttl=0.3, **own)

    resolved = resolve(agent.path, "{vault://hcv/db/password}")
    fetched = fetch(agent.path, "hcv", "db", kv="v2", ttl=0, protocol="http", auth_method="token", ssl_verify=True)
    elsewhere = fetch(agent.path, "hcv", "db", **where, token=vault.make_token(policies=[mount], ttl="10m"))
    without = fetch(agent.path, "hcv", "db", **where)
    wrong = fetch(agent.path, "hcv", "db", **where, token="canary-wrong-token")
    denied = resolve(agent.path, "{vault://hcv/other/password}")
    absent = resolve(agent.path, "{vault://hcv/db/absent}")
    older = fetch(agent.path, "hcv", "db", kv="v2")

    assert (resolved.status, resolved.body["value"]) == (200, "pw-1")
    for answer in (fetched, elsewhere, older):
        assert json.loads(answer.body["value"]) == {"username": "app", "password": "pw-1"}
    assert without.status in (400, 502)
    assert wrong.status in (403, 502)
    assert (denied.status, denied.code) == (403, "permission_denied")
    assert (absent.status, absent.code) == (404, "not_found")

    _put(vault, mount, "db", username="app", password="pw-2")
    wait_until(lambda: resolve(agent.path, "{vault://hcv/db/password}").body["value"] == "pw-2", "the rotation")
    assert token not in agent.log
    assert "canary" not in agent.log
    assert "pw-1" not in agent.log
