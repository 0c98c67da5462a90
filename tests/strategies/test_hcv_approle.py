"""AppRole on a real Vault: secret IDs from config and file, wrapped ones, and what happens when tokens go."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvStrategy
from tests.servers.polling import wait_until
from tests.servers.vault_server import VaultServer
from tests.strategies.hcv_backends import HcvBackend, unique

pytestmark = pytest.mark.real("vault")

_TIMEOUT_S = 10.0


class Role:
    """An AppRole of its own auth mount, which may read the backend's KV mount."""

    def __init__(self, backend: HcvBackend) -> None:
        self.backend = backend
        self.server: VaultServer = backend.server
        self.path = unique("team/approle")
        self.server.call("POST", f"sys/auth/{self.path}", {"type": "approle"})
        self.set(token_policies=[backend.policy], token_ttl="1h")
        self.role_id: str = self.server.call("GET", f"auth/{self.path}/role/kong/role-id")["data"]["role_id"]

    def set(self, **options: object) -> None:
        self.server.call("POST", f"auth/{self.path}/role/kong", options)

    def secret_id(self) -> str:
        return str(self.server.call("POST", f"auth/{self.path}/role/kong/secret-id")["data"]["secret_id"])

    def wrapped_secret_id(self) -> str:
        answer = self.server.call("POST", f"auth/{self.path}/role/kong/secret-id", wrap_ttl="60s")
        return str(answer["wrap_info"]["token"])

    def revoke_tokens(self) -> None:
        self.server.call("PUT", f"sys/leases/revoke-prefix/auth/{self.path}/login")

    def tokens(self) -> list[str]:
        """Return the ids of the leases of the tokens that this role gave and that still live."""
        path = f"sys/leases/lookup/auth/{self.path}/login"
        return list(self.server.call("LIST", path)["data"]["keys"]) if self.server.allows("LIST", path) else []

    def accessors(self) -> set[str]:
        """Return the accessors of all tokens that this Vault knows."""
        return set(self.server.call("LIST", "auth/token/accessors")["data"]["keys"])

    def strategy(self, **options: object) -> HcvStrategy:
        defaults: dict[str, object] = {
            "auth_method": "approle",
            "token": None,
            "approle_auth_path": self.path,
            "approle_role_id": self.role_id,
        }
        return self.backend.strategy(**defaults | options)


@pytest.fixture
def role(vault: VaultServer) -> Iterator[Role]:
    backend = HcvBackend(vault, kv=2)
    backend.put("redis", "pw")
    role = Role(backend)
    yield role
    vault.call("DELETE", f"sys/auth/{role.path}")
    backend.remove_all()


def _value(strategy: HcvStrategy) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=_TIMEOUT_S).value


def test_one_login_serves_many_fetches(role: Role) -> None:
    strategy = role.strategy(approle_secret_id=role.secret_id())

    assert {_value(strategy) for _ in range(5)} == {'{"value":"pw"}'}

    assert len(role.tokens()) == 1
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK


def test_the_secret_id_file_is_read_at_each_login(role: Role, tmp_path: Path) -> None:
    file = tmp_path / "secret-id"
    first, second = role.secret_id(), role.secret_id()
    file.write_text(f"{first}\n")
    strategy = role.strategy(approle_secret_id_file=str(file))
    _value(strategy)

    role.server.call("POST", f"auth/{role.path}/role/kong/secret-id/destroy", {"secret_id": first})
    role.revoke_tokens()
    with pytest.raises(AuthenticationError):
        _value(strategy)
    file.write_text(f"{second}\n")

    assert _value(strategy) == '{"value":"pw"}'


@pytest.mark.parametrize(
    ("content", "said"), [(None, "can't read .*No such file"), (b"\n", "is empty"), (b"\xff\xfe", "holds no secret ID")]
)
def test_a_secret_id_file_without_one(role: Role, tmp_path: Path, content: bytes | None, said: str) -> None:
    file = tmp_path / "secret-id"
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(AuthenticationError, match=f"approle_secret_id_file': .*{said}"):
        _value(role.strategy(approle_secret_id_file=str(file)))


def test_wrong_credentials_are_refused_without_being_shown(role: Role) -> None:
    with pytest.raises(AuthenticationError, match="check role ID, secret ID and 'approle_auth_path'") as caught:
        _value(role.strategy(approle_secret_id="11111111-2222-3333-4444-555555555555"))

    assert "11111111" not in str(caught.value)
    assert str(caught.value).isprintable()


def test_an_auth_path_that_is_not_there(role: Role) -> None:
    with pytest.raises(AuthenticationError, match="at 'nowhere': refused"):
        _value(role.strategy(approle_auth_path="nowhere", approle_secret_id="x"))


def test_a_wrapped_secret_id_is_unwrapped_once_and_kept(role: Role) -> None:
    strategy = role.strategy(approle_secret_id=role.wrapped_secret_id(), approle_response_wrapping="on")

    assert _value(strategy) == '{"value":"pw"}'
    role.revoke_tokens()
    assert _value(strategy) == '{"value":"pw"}', "the second login uses the secret ID from the first unwrapping"


def test_a_wrapping_token_that_was_used_before_raises_the_alarm(role: Role) -> None:
    wrapping_token = role.wrapped_secret_id()
    _value(role.strategy(approle_secret_id=wrapping_token, approle_response_wrapping="true"))

    with pytest.raises(AuthenticationError, match="treat the secret ID as stolen") as caught:
        _value(role.strategy(approle_secret_id=wrapping_token, approle_response_wrapping="true"))

    assert wrapping_token not in str(caught.value)


def test_a_new_wrapping_token_in_the_file_is_unwrapped(role: Role, tmp_path: Path) -> None:
    file = tmp_path / "wrapped"
    file.write_text(role.wrapped_secret_id())
    strategy = role.strategy(approle_secret_id_file=str(file), approle_response_wrapping=True)
    _value(strategy)
    file.write_text(role.wrapped_secret_id())
    role.revoke_tokens()

    assert _value(strategy) == '{"value":"pw"}'


def test_a_revoked_token_is_replaced_within_the_fetch(role: Role) -> None:
    strategy = role.strategy(approle_secret_id=role.secret_id())
    _value(strategy)
    role.revoke_tokens()
    assert role.tokens() == []

    assert _value(strategy) == '{"value":"pw"}'
    assert len(role.tokens()) == 1


def test_the_health_check_replaces_a_revoked_token_too(role: Role) -> None:
    strategy = role.strategy(approle_secret_id=role.secret_id())
    _value(strategy)
    role.revoke_tokens()

    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.OK


def test_an_expired_token_is_replaced(role: Role) -> None:
    role.set(token_policies=[role.backend.policy], token_ttl="1s", token_max_ttl="1s")
    strategy = role.strategy(approle_secret_id=role.secret_id())
    before = role.accessors()
    _value(strategy)
    [accessor] = role.accessors() - before

    def is_gone() -> bool:
        return not role.server.allows("POST", "auth/token/lookup-accessor", {"accessor": accessor})

    wait_until(is_gone, "the token's expiry")

    assert _value(strategy) == '{"value":"pw"}'
    strategy.close()


def test_a_batch_token_cannot_be_renewed_and_works(role: Role) -> None:
    role.set(token_policies=[role.backend.policy], token_ttl="1h", token_type="batch")

    assert _value(role.strategy(approle_secret_id=role.secret_id())) == '{"value":"pw"}'
