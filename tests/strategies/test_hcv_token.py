"""Configured tokens on a real Vault: renewal while nobody asks, expiry, and denial told apart."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_vault_py.errors import AuthenticationError, PermissionDeniedError
from kong_vault_py.strategies.hcv import HcvStrategy
from kong_vault_py.strategies.hcv.auth_token import TokenLogin
from kong_vault_py.strategies.hcv.tokens import Tokens
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from tests.servers.polling import wait_until
from tests.servers.vault_server import VaultServer
from tests.strategies.fake_time import Clock, Timers
from tests.strategies.hcv_backends import HcvBackend

pytestmark = pytest.mark.real("vault")

_TIMEOUT_S = 10.0


@pytest.fixture
def backend(vault: VaultServer) -> Iterator[HcvBackend]:
    backend = HcvBackend(vault, kv=2)
    backend.put("redis", "pw")
    yield backend
    backend.remove_all()


def _value(strategy: HcvStrategy) -> str | bytes:
    return strategy.fetch("redis", None, timeout_s=_TIMEOUT_S).value


def test_a_renewable_token_is_renewed_while_nobody_asks(backend: HcvBackend) -> None:
    token = backend.server.make_token(policies=[backend.policy], period="1h")
    config = backend.strategy(token=token).config
    transport, clock, timers = Transport(config), Clock(), Timers()
    tokens = Tokens(TokenLogin(config), transport, clock, timers.start)
    before = tokens.current(Deadline(_TIMEOUT_S))

    clock.now_s = before.act_at_s
    timers.fire()

    about = backend.server.call("POST", "auth/token/lookup", {"token": token})["data"]
    assert "last_renewal_time" in about
    assert tokens.current(Deadline(_TIMEOUT_S)).expires_at_s > before.expires_at_s
    transport.close()


def test_an_expired_token_is_said_to_be_gone(backend: HcvBackend) -> None:
    token = backend.server.make_token(policies=[backend.policy], ttl="1s", renewable=False)
    strategy = backend.strategy(token=token)
    assert _value(strategy) == '{"value":"pw"}'
    wait_until(lambda: not backend.server.allows("GET", "auth/token/lookup-self", token=token), "the token's expiry")

    with pytest.raises(AuthenticationError, match="wrong, expired or revoked") as caught:
        _value(strategy)
    assert token not in str(caught.value)


def test_a_denial_is_no_expiry(backend: HcvBackend) -> None:
    token = backend.server.make_token(policies=["default"], ttl="1h")

    with pytest.raises(PermissionDeniedError, match="the token's policy does not allow it"):
        _value(backend.strategy(token=token))


def test_a_token_that_may_not_look_itself_up_still_reads(backend: HcvBackend) -> None:
    token = backend.server.make_token(policies=[backend.policy], no_default_policy=True, ttl="1h")

    assert _value(backend.strategy(token=token)) == '{"value":"pw"}'


def test_white_space_around_a_token_does_not_matter(backend: HcvBackend) -> None:
    assert _value(backend.strategy(token=f" {backend.token}\n")) == '{"value":"pw"}'


def test_a_strategy_works_again_after_close(backend: HcvBackend) -> None:
    strategy = backend.strategy()
    _value(strategy)
    strategy.close()

    assert _value(strategy) == '{"value":"pw"}'
