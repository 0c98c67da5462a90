"""The JWT login on a real Vault, with tokens of an identity provider that is played, and its signatures real."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.hcv import HcvStrategy
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.certificates import Certificates
from tests.servers.ports import free_port
from tests.servers.vault_server import VaultServer
from tests.strategies.fake_http import Answered
from tests.strategies.fake_identity_provider import FakeIdentityProvider
from tests.strategies.hcv_auth_mounts import SECRET, AuthMount, auth_mount, read

pytestmark = pytest.mark.real("vault")


class Gateway:
    """A client of the identity provider, and a role in Vault for its tokens."""

    def __init__(self, mount: AuthMount, provider: FakeIdentityProvider, tls: Certificates | None = None) -> None:
        self.mount = mount
        self.provider = provider
        trusted = {"jwks_ca_pem": tls.authority.read_text()} if tls else {}
        mount.write("config", jwks_url=f"{provider.url}/jwks", bound_issuer=provider.url, **trusted)
        mount.write_role(
            "role/kong",
            role_type="jwt",
            user_claim="sub",
            bound_subject="kong@clients",
            bound_audiences=provider.audience,
        )

    def strategy(self, **options: object) -> HcvStrategy:
        defaults = {
            "auth_method": "jwt",
            "jwt_auth_path": self.mount.path,
            "jwt_role": "kong",
            "oauth2_token_endpoint": self.provider.endpoint,
            "oauth2_client_id": self.provider.client_id,
            "oauth2_client_secret": self.provider.client_secret,
            "oauth2_audiences": f" {self.provider.audience} ,",
        }
        return self.mount.strategy(**defaults | options)


@pytest.fixture
def gateway_of(vault: VaultServer) -> Iterator[Callable[..., Gateway]]:
    with ExitStack() as stack:

        def make(takes: str = "body", tls: Certificates | None = None) -> Gateway:
            provider = stack.enter_context(FakeIdentityProvider(takes, tls))
            return Gateway(stack.enter_context(auth_mount(vault, "jwt")), provider, tls)

        yield make


@pytest.fixture
def gateway(gateway_of: Callable[..., Gateway]) -> Gateway:
    return gateway_of()


def _error(strategy: HcvStrategy, kind: type[VaultError]) -> str:
    with pytest.raises(kind) as caught:
        read(strategy)
    text = str(caught.value)
    assert text.isprintable()
    assert FakeIdentityProvider.client_secret not in text
    return text


def test_client_credentials_become_a_vault_token(gateway: Gateway) -> None:
    strategy = gateway.strategy()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    assert gateway.provider.count("/oauth/token") == 1


def test_a_provider_that_takes_the_secret_in_the_header_alone(gateway_of: Callable[..., Gateway]) -> None:
    gateway = gateway_of("header")
    strategy = gateway.strategy()
    assert read(strategy) == SECRET
    assert gateway.provider.count("/oauth/token") == 2, "in the body, then in the header"

    gateway.mount.revoke_tokens()

    assert read(strategy) == SECRET
    assert gateway.provider.count("/oauth/token") == 3, "it is known now what the provider takes"


def test_a_provider_with_a_certificate_of_ones_own_authority(
    gateway_of: Callable[..., Gateway], certificates: Certificates
) -> None:
    gateway = gateway_of(tls=certificates)

    assert read(gateway.strategy(ca_cert=str(certificates.authority))) == SECRET
    assert "is not trusted" in _error(gateway.strategy(), UnavailableError)


def test_kongs_other_names(gateway: Gateway) -> None:
    strategy = gateway.strategy(auth_method="oauth2", jwt_role=None, oauth2_role_name="kong")

    assert read(strategy) == SECRET


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"oauth2_client_secret": "canary-wrong-secret"}, "HTTP 401 (invalid_client: "),
        ({"oauth2_audiences": "https://elsewhere/"}, "HTTP 403 (access_denied: that audience is not for this client)"),
        ({"oauth2_audiences": None}, "HTTP 403"),
    ],
)
def test_the_provider_refuses(gateway: Gateway, options: dict[str, object], said: str) -> None:
    text = _error(gateway.strategy(**options), AuthenticationError)

    assert text.startswith("asking the identity provider for a token: ")
    assert said in text
    assert "canary" not in text
    assert "check options 'oauth2_token_endpoint'" in text


def test_vault_refuses_the_providers_token(gateway: Gateway) -> None:
    gateway.mount.write_role("role/kong", role_type="jwt", user_claim="sub", bound_audiences="somebody else")

    text = _error(gateway.strategy(), AuthenticationError)

    assert "refused" in text
    assert "check 'jwt_role', and its bound audiences" in text


def test_no_provider_there(gateway: Gateway) -> None:
    strategy = gateway.strategy(oauth2_token_endpoint=f"http://127.0.0.1:{free_port()}/oauth/token")

    text = _error(strategy, UnavailableError)

    assert "no connection to http://127.0.0.1:" in text
    assert "oauth2_token_endpoint" in text


@pytest.mark.parametrize("body", [b"<html>", b"{}", b"[]", b'{"access_token": 7}', b'{"access_token": ""}'])
def test_an_answer_without_a_token(gateway: Gateway, body: bytes) -> None:
    gateway.provider.routes["POST /oauth/token"] = lambda _: Answered(body)

    assert "the answer holds no access token" in _error(gateway.strategy(), InvalidResponseError)


def test_a_provider_in_trouble_is_unavailable(gateway: Gateway) -> None:
    gateway.provider.routes["POST /oauth/token"] = lambda _: Answered(b"upstream is away", 502)

    assert "HTTP 502" in _error(gateway.strategy(), UnavailableError)


def test_a_redirect_is_not_followed(gateway: Gateway) -> None:
    elsewhere = {"Location": f"{gateway.provider.url}/stolen"}
    gateway.provider.routes["POST /oauth/token"] = lambda _: Answered({}, 307, elsewhere)

    assert "HTTP 307" in _error(gateway.strategy(), AuthenticationError)
    assert gateway.provider.count("/stolen") == 0


def test_a_silent_provider_costs_no_more_than_the_deadline(gateway: Gateway) -> None:
    with LoopbackServer(None) as silent:
        strategy = gateway.strategy(oauth2_token_endpoint=f"http://{silent.host}:{silent.port}/token")
        started_s = time.monotonic()

        with pytest.raises(StrategyTimeoutError, match="asking the identity provider for a token"):
            strategy.fetch("redis", None, timeout_s=0.3)

        assert time.monotonic() - started_s < 2
