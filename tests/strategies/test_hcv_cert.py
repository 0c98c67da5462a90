"""The certificate login on a real Vault with TLS: from text and from files, renewed, replaced, refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError, UnavailableError, VaultError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.strategies.hcv.auth_cert import CertLogin
from kong_vault_py.strategies.hcv.tokens import Tokens
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from tests.servers.certificates import Certificates
from tests.servers.vault_server import FileVault
from tests.strategies.client_certificates import ClientAuthority, ClientCertificate
from tests.strategies.fake_time import Clock, Timers
from tests.strategies.hcv_auth_mounts import SECRET, TIMEOUT_S, AuthMount, auth_mount, read

pytestmark = pytest.mark.real("vault")


class Gateway:
    """A Vault that trusts the certificates of one authority for ``kong.gateways``, and one such certificate."""

    def __init__(self, mount: AuthMount, certificates: Certificates, folder: Path) -> None:
        self.mount = mount
        self.certificates = certificates
        self.folder = folder
        self.authority = ClientAuthority()
        self.own = self.authority.issue("kong.gateways")
        mount.write_role("certs/kong", certificate=self.authority.certificate, allowed_common_names="kong.gateways")

    def options(self, shown: ClientCertificate | None = None) -> dict[str, object]:
        shown = shown or self.own
        return {
            "auth_method": "cert",
            "cert_auth_path": self.mount.path,
            "cert_auth_role_name": "kong",
            "cert_auth_cert": shown.certificate,
            "cert_auth_cert_key": shown.key,
        }

    def strategy(self, shown: ClientCertificate | None = None, **options: object) -> HcvStrategy:
        return self.mount.strategy(**self.options(shown) | options)

    def strategy_from_files(self, shown: ClientCertificate) -> HcvStrategy:
        self.write(shown)
        return self.strategy(
            cert_auth_cert=str(self.folder / "tls.crt"), cert_auth_cert_key=str(self.folder / "tls.key")
        )

    def write(self, shown: ClientCertificate) -> None:
        (self.folder / "tls.crt").write_text(shown.certificate)
        (self.folder / "tls.key").write_text(shown.key)


@pytest.fixture
def gateway(own_vault: Callable[..., FileVault], certificates: Certificates, tmp_path: Path) -> Iterator[Gateway]:
    with auth_mount(own_vault(tls=certificates), "cert") as mount:
        yield Gateway(mount, certificates, tmp_path)


def test_a_certificate_as_text(gateway: Gateway) -> None:
    strategy = gateway.strategy()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    assert strategy.check(timeout_s=TIMEOUT_S).status is HealthStatus.OK


def test_without_a_role_vault_tries_all(gateway: Gateway) -> None:
    assert read(gateway.strategy(cert_auth_role_name=None)) == SECRET


@pytest.mark.filterwarnings("ignore:Unverified HTTPS request")
def test_without_verification_the_certificate_is_shown_too(gateway: Gateway) -> None:
    assert read(gateway.strategy(ca_cert=None, ssl_verify="off")) == SECRET


def test_the_servers_own_certificate_is_verified_as_ever(gateway: Gateway) -> None:
    with pytest.raises(UnavailableError, match="is not trusted"):
        read(gateway.strategy(ca_cert=None))


def test_files_are_read_at_each_login(gateway: Gateway) -> None:
    strategy = gateway.strategy_from_files(gateway.own)
    read(strategy)
    gateway.write(ClientAuthority().issue("kong.gateways"))
    gateway.mount.revoke_tokens()
    with pytest.raises(AuthenticationError):
        read(strategy)

    gateway.write(gateway.authority.issue("kong.gateways"))

    assert read(strategy) == SECRET


def test_the_renewal_shows_the_certificate_too(gateway: Gateway) -> None:
    mount = gateway.mount
    where = {"host": mount.server.host, "port": mount.server.port, "ca_cert": str(mount.server.authority)}
    options = gateway.options() | where | {"protocol": "https"}
    config = build_config(HcvConfig, options, where="test")
    clock = Clock()
    tokens = Tokens(CertLogin(config), Transport(config), clock, Timers().start)
    first = tokens.current(Deadline(TIMEOUT_S))

    clock.now_s += first.ttl_s * 0.7
    renewed = tokens.current(Deadline(TIMEOUT_S))

    assert renewed.token == first.token
    assert renewed.expires_at_s > first.expires_at_s
    tokens.close()


def test_a_certificate_of_another_authority_is_refused(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="by certificate at 'team/cert-.*: refused .*has not expired"):
        read(gateway.strategy(ClientAuthority().issue("kong.gateways")))


def test_another_name_is_refused(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="refused"):
        read(gateway.strategy(gateway.authority.issue("somebody.else")))


def _error(strategy: HcvStrategy) -> str:
    with pytest.raises(VaultError) as caught:
        read(strategy)
    assert isinstance(caught.value, AuthenticationError)
    return str(caught.value)


def test_a_key_that_is_not_the_certificates(gateway: Gateway) -> None:
    other = gateway.authority.issue("kong.gateways")

    text = _error(gateway.strategy(cert_auth_cert_key=other.key))

    assert "hold no certificate with its private key" in text
    assert "BEGIN" not in text


def test_an_encrypted_key_asks_nobody_for_a_passphrase(gateway: Gateway) -> None:
    assert "unencrypted" in _error(gateway.strategy(cert_auth_cert_key=gateway.own.encrypted_key))


def test_a_file_that_is_not_there(gateway: Gateway) -> None:
    text = _error(gateway.strategy(cert_auth_cert_key="/nowhere/canary.key"))

    assert text.startswith("option 'cert_auth_cert_key': holds no PEM text, and names no file to read: No such file")
    assert "canary" not in text


def test_garbage(gateway: Gateway) -> None:
    assert "hold no certificate" in _error(gateway.strategy(cert_auth_cert="-----BEGIN garbage"))
    assert "names no file to read" in _error(gateway.strategy(cert_auth_cert="MII" * 3000))
