"""What the contract doesn't ask of the konnect vault: its options, and what each mode does when things change."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.config_store.key_file import add_to_key_file
from kong_vault_py.config_store.master_keys import MasterKeys, new_key_text
from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyError,
    UnavailableError,
)
from kong_vault_py.settings import Settings
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.konnect import KonnectStrategy
from kong_vault_py.vault import Vault
from tests.servers.config_store_api import STORE_ID, ConfigStoreApi
from tests.servers.json_server import JsonServer, Reply
from tests.strategies.konnect_backends import FileBackend, ManagerBackend, konnect_strategy

_TIMEOUT_S = 10.0
_MANAGER = {"manager_url": "https://manager.test", "node_token": "t", "config_store_id": "s"}


@pytest.fixture
def file(tmp_path: Path) -> FileBackend:
    return FileBackend(tmp_path)


@pytest.fixture
def manager() -> Iterator[ManagerBackend]:
    with ConfigStoreApi() as server:
        yield ManagerBackend(server)
    assert server.violations == []


def fetch(strategy: KonnectStrategy, key: str, version: float | None = None) -> str | bytes:
    return strategy.fetch(key, version, timeout_s=_TIMEOUT_S).value


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (_MANAGER | {"store_file": "/s", "master_key": "env:K"}, "'store_file' and 'manager_url' don't go together"),
        ({"store_file": "/s"}, "option 'master_key' is required with 'store_file'"),
        ({"manager_url": "https://m", "config_store_id": "s"}, "'node_token' is required with 'manager_url'"),
        ({"manager_url": "https://m", "node_token": "t"}, "'config_store_id' is required with 'manager_url'"),
        (_MANAGER | {"manager_url": "manager.test"}, "option 'manager_url': expected a URL"),
        (_MANAGER | {"manager_url": "https://user:canary@manager.test"}, "option 'manager_url': expected a URL"),
        (_MANAGER | {"node_token": "canary\n"}, "option 'node_token': no node token looks like that"),
        (_MANAGER | {"config_store_id": "../x"}, "config_store_id"),
    ],
)
def test_options_that_make_no_vault(options: dict[str, str], problem: str) -> None:
    with pytest.raises(ConfigError, match=problem) as caught:
        konnect_strategy(**options)

    assert "canary" not in str(caught.value)


def test_an_entity_that_was_made_for_konnect_says_what_is_missing_when_it_is_used() -> None:
    strategy = konnect_strategy(config_store_id=STORE_ID)

    with pytest.raises(ConfigError, match="where is the Config Store"):
        fetch(strategy, "redis")
    health = strategy.check(timeout_s=_TIMEOUT_S)
    strategy.close()

    assert health.status is HealthStatus.UNKNOWN
    assert "'store_file' or 'manager_url'" in health.detail


def test_a_reference_may_not_say_which_store_it_is() -> None:
    values = {f"vault_konnect_{name}": value for name, value in _MANAGER.items()}
    with Vault(Settings.load(environ={f"KONG_{k.upper()}": v for k, v in values.items()}), background=False) as vault:
        for name in ("config_store_id", "store_file", "master_key", "manager_url", "node_token", "ca_cert"):
            with pytest.raises(ConfigError, match=f"may not set '{name}'"):
                vault.get(f"{{vault://konnect/redis?{name}=x}}")


def test_fields_of_a_json_value_and_keys_with_slashes(file: FileBackend) -> None:
    file.put("redis", json.dumps({"username": "app", "password": "pw"}))
    file.put("team/redis", "shared")
    environ = {
        "KONG_VAULT_KONNECT_STORE_FILE": str(file.path),
        "KONG_VAULT_KONNECT_MASTER_KEY": f"file:{file.key_file}",
    }

    with Vault(Settings.load(environ=environ), background=False) as vault:
        assert vault.get("{vault://konnect/redis/password}").reveal() == "pw"
        assert vault.get("{vault://konnect/team%2Fredis}").reveal() == "shared"
        assert vault.get("{vault://konnect/team/redis/}").reveal() == "shared"


def test_the_master_key_may_be_in_another_vault(file: FileBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STORE_KEY", file.credentials[0])
    environ = {
        "KONG_VAULT_KONNECT_STORE_FILE": str(file.path),
        "KONG_VAULT_KONNECT_MASTER_KEY": "{vault://env/store-key}",
    }

    with Vault(Settings.load(environ=environ), background=False) as vault:
        assert vault.get("{vault://konnect/first}").reveal() == "value"


def test_a_store_file_of_another_id_is_refused(file: FileBackend) -> None:
    assert fetch(file.strategy(config_store_id=file.store.store_id), "first") == "value"

    with pytest.raises(InvalidResponseError, match="option 'config_store_id' another"):
        fetch(file.strategy(config_store_id="another"), "first")


def test_a_rotation_of_the_master_key_needs_no_restart(file: FileBackend) -> None:
    strategy = file.strategy()
    assert fetch(strategy, "first") == "value"

    add_to_key_file(file.key_file, new_key_text())
    assert fetch(strategy, "first") == "value"

    keys = MasterKeys.load(f"file:{file.key_file}")
    file.store.rewrap(type(file.envelope)(keys))
    assert fetch(strategy, "first") == "value"

    new, _old = file.key_file.read_text().splitlines()
    file.key_file.write_text(new)
    assert fetch(strategy, "first") == "value"


def test_a_missing_master_key_is_as_a_refused_login(file: FileBackend) -> None:
    strategy = file.strategy()
    file.key_file.unlink()

    with pytest.raises(AuthenticationError, match="option 'master_key': master key file .*can't read it"):
        fetch(strategy, "first")
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.UNKNOWN


def test_a_value_that_was_altered(file: FileBackend) -> None:
    header, body = file.path.read_bytes().splitlines()
    secrets = json.loads(body)
    secrets["second"] = secrets["first"]
    file.path.write_bytes(header + b"\n" + json.dumps(secrets).encode())

    with pytest.raises(InvalidResponseError, match="secret 'second' of store file .*another name; restore it"):
        fetch(file.strategy(), "second")


def test_keys_are_one_part_of_the_path_whatever_is_in_them(manager: ManagerBackend) -> None:
    for key in ("team/redis", "a b?c#d%2e&version=1", "grüße", "k" * 512):
        manager.put(key, f"value of {key}")

        assert fetch(manager.strategy(), key) == f"value of {key}"


@pytest.mark.parametrize("key", ["../redis", ".", "a/../b", "/a", "a//b", "k" * 513])
def test_keys_that_no_store_has_are_not_asked_for(manager: ManagerBackend, key: str) -> None:
    with pytest.raises(SecretNotFoundError, match="can't be a secret's key|1 to 512"):
        fetch(manager.strategy(), key)

    assert manager.server.requests == []


def test_a_revoked_token(manager: ManagerBackend) -> None:
    manager.put("redis", "pw")
    strategy = manager.strategy()
    assert fetch(strategy, "redis") == "pw"

    manager.server.revoke(manager.server.token)

    with pytest.raises(AuthenticationError, match="refuses the token: Invalid node token; renew option 'node_token'"):
        fetch(strategy, "redis")


def test_another_store_is_not_there(manager: ManagerBackend) -> None:
    manager.put("redis", "pw")

    with pytest.raises(SecretNotFoundError, match="No such Config Store"):
        fetch(manager.strategy(config_store_id="another"), "redis")
    assert fetch(manager.strategy(config_store_id=STORE_ID), "redis") == "pw"


@pytest.mark.parametrize(
    ("reply", "kind", "message"),
    [
        (Reply({"message": "slow down"}, 429), UnavailableError, "rate limit"),
        (Reply({"message": "database gone"}, 503), UnavailableError, "HTTP 503: database gone"),
        (Reply(b"<html>", 502), UnavailableError, "HTTP 502"),
        (Reply({}, 302, {"Location": "https://elsewhere.test/"}), UnavailableError, "redirects elsewhere"),
        (Reply({"message": "no"}, 403), PermissionDeniedError, "denies it to this node: no"),
        (Reply({"message": "teapot"}, 418), InvalidResponseError, "HTTP 418 is no answer of the manager's"),
        (Reply({"key": "redis", "value": None}), InvalidResponseError, "holds no value"),
        (Reply({"key": "other", "value": "pw"}), InvalidResponseError, "holds no value"),
        (Reply({"message": "two\nlines \x1b[31m"}, 404), SecretNotFoundError, "two lines"),
    ],
)
def test_what_the_manager_may_answer(reply: Reply, kind: type[StrategyError], message: str) -> None:
    with JsonServer(lambda _: reply) as server, pytest.raises(kind, match=message) as caught:
        fetch(konnect_strategy(**_MANAGER | {"manager_url": server.url}), "redis")

    assert str(caught.value).isprintable()
    assert [request.headers["authorization"] for request in server.requests] == ["Bearer t"]


def test_a_url_with_a_path_before_the_api() -> None:
    with JsonServer(lambda _: Reply({"key": "redis", "value": "pw", "version": 3})) as server:
        strategy = konnect_strategy(**_MANAGER | {"manager_url": f"{server.url}/vaults/"})

        assert fetch(strategy, "redis", 3.0) == "pw"

    assert server.requests[0].path == "/vaults/dataplane/v1/config-stores/s/secrets/redis"
    assert server.requests[0].query == {"version": "3"}
