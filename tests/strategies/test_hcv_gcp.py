"""The Google logins on a real Vault, whose gcp auth method asks a Google Cloud that is played."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    MissingDependencyError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.strategies.hcv.auth_gcp_iam import GcpIamLogin
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.ports import free_port
from tests.servers.vault_server import DevVault, VaultServer
from tests.strategies.fake_google import DEPLOYER, KONG, PROJECT, VAULT, FakeGoogle
from tests.strategies.fake_http import Answered
from tests.strategies.hcv_auth_mounts import SECRET, TIMEOUT_S, AuthMount, auth_mount, read

# google-auth reads where the metadata server is when it is imported.
_IN_A_PROCESS = """
import json, sys
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig
from kong_vault_py.strategies.hcv.auth_gcp_iam import GcpIamLogin
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

config = build_config(HcvConfig, json.loads(sys.argv[1]), where="test")
print(GcpIamLogin(config, sys.argv[2]).login(Transport(config), Deadline(10)).token.reveal(), end="")
"""

pytestmark = pytest.mark.real("vault")


class Gateway:
    """A gateway in Google Cloud, and the roles that admit it."""

    def __init__(self, mount: AuthMount, google: FakeGoogle, folder: Path) -> None:
        self.mount = mount
        self.google = google
        self.folder = folder
        everything = dict.fromkeys(("api", "iam", "crm", "compute"), google.url)
        mount.write("config", custom_endpoint=everything)
        mount.write_role("role/as-account", type="iam", bound_service_accounts=[KONG])
        mount.write_role("role/as-instance", type="gce", bound_projects=[PROJECT], bound_zones=["europe-west1-b"])

    def iam(self, **options: object) -> dict[str, object]:
        login_path = f"/v1/auth/{self.mount.path}/login"
        defaults = {"gcp_auth_role": "as-account", "gcp_login_path": login_path, "gcp_service_account": KONG}
        return {"auth_method": "gcp_iam"} | defaults | options

    def gce(self, **options: object) -> HcvStrategy:
        login_path = f"/v1/auth/{self.mount.path}/login"
        defaults = {"auth_method": "gcp_gce", "gcp_auth_role": "as-instance", "gcp_login_path": login_path}
        return self.mount.strategy(**defaults | options)

    def login_options(self) -> dict[str, object]:
        server = self.mount.server
        return self.iam() | {"protocol": server.protocol, "host": server.host, "port": server.port}

    def login_signed_by_google(self) -> HcvStrategy:
        """Log in with Google's IAM service found here; returns a strategy with the token."""
        config = build_config(HcvConfig, self.login_options(), where="test")
        login = GcpIamLogin(config, self.google.url).login(Transport(config), Deadline(TIMEOUT_S))
        return self.mount.strategy(token=login.token)


@pytest.fixture(scope="module")
def google() -> Iterator[FakeGoogle]:
    with FakeGoogle() as google:
        yield google


@pytest.fixture(scope="module")
def vault_in_google(
    google: FakeGoogle, vault_program: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[VaultServer]:
    """A Vault with a service account of its own: given credentials it would take to the real Google."""
    folder = tmp_path_factory.mktemp("vault-in-google")
    own = {"GOOGLE_APPLICATION_CREDENTIALS": google.key_file(VAULT, folder)}
    with DevVault(vault_program, folder, own) as server:
        yield server


@pytest.fixture
def gateway(
    vault_in_google: VaultServer, google: FakeGoogle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Gateway]:
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("CLOUDSDK_CONFIG", str(tmp_path))
    monkeypatch.setenv("GCE_METADATA_HOST", google.address)
    monkeypatch.setattr(google, "routes", dict(google.routes))
    monkeypatch.setattr(google, "token_creators", dict(google.token_creators))
    google.asked.clear()
    with auth_mount(vault_in_google, "gcp") as mount:
        yield Gateway(mount, google, tmp_path)


def _be(email: str, gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    """Give this process the key of a service account."""
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", gateway.google.key_file(email, gateway.folder))


def test_the_accounts_own_key_signs_here(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(KONG, gateway, monkeypatch)
    strategy = gateway.mount.strategy(**gateway.iam())

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    assert gateway.google.count(f"/v1/projects/-/serviceAccounts/{KONG}:signJwt") == 0


def test_another_account_has_google_sign(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(DEPLOYER, gateway, monkeypatch)

    strategy = gateway.login_signed_by_google()

    assert read(strategy) == SECRET
    assert gateway.google.count(f"/v1/projects/-/serviceAccounts/{KONG}:signJwt") == 1


def test_an_instances_account_has_google_sign(gateway: Gateway) -> None:
    found_at = {"GCE_METADATA_HOST": gateway.google.address, "GCE_METADATA_IP": gateway.google.address}
    command = [sys.executable, "-c", _IN_A_PROCESS, json.dumps(gateway.login_options()), gateway.google.url]
    environment = {"PATH": os.environ["PATH"], "HOME": str(gateway.folder)} | found_at

    run = subprocess.run(command, env=environment, capture_output=True, text=True)

    assert run.returncode == 0, run.stderr
    assert read(gateway.mount.strategy(token=run.stdout)) == SECRET
    assert gateway.google.count(f"/v1/projects/-/serviceAccounts/{KONG}:signJwt") == 1
    del gateway.google.routes["GET /computeMetadata/v1/instance/service-accounts/default/token"]
    run = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert "AuthenticationError: finding Google credentials: Failed to retrieve http" in run.stderr


def test_an_account_that_may_not_sign_for_another(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(DEPLOYER, gateway, monkeypatch)
    gateway.google.token_creators.clear()

    with pytest.raises(
        AuthenticationError, match="asking Google to sign a JWT: .*HTTP 403 .*Permission .* denied"
    ) as caught:
        gateway.login_signed_by_google()

    assert "roles/iam.serviceAccountTokenCreator" in str(caught.value)
    assert "ya29" not in str(caught.value)


def test_something_else_answers_for_googles_signer(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(DEPLOYER, gateway, monkeypatch)
    gateway.google.routes[f"POST /v1/projects/-/serviceAccounts/{KONG}:signJwt"] = lambda _: Answered({})

    with pytest.raises(InvalidResponseError, match="the answer holds no signed JWT"):
        gateway.login_signed_by_google()


def test_a_revoked_key_is_refused(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(DEPLOYER, gateway, monkeypatch)
    gateway.google.routes["POST /token"] = lambda _: Answered({"error": "invalid_grant"}, 400)

    with pytest.raises(AuthenticationError, match="finding Google credentials: .*invalid_grant"):
        gateway.login_signed_by_google()


def test_google_in_trouble_is_asked_once(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(DEPLOYER, gateway, monkeypatch)
    gateway.google.routes["POST /token"] = lambda _: Answered(b"busy", 503)

    with pytest.raises(UnavailableError, match="HTTP 503"):
        gateway.login_signed_by_google()

    assert gateway.google.count("/token") == 1


def test_no_credentials_at_all(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="finding Google credentials: .*GOOGLE_APPLICATION_CREDENTIALS"):
        read(gateway.mount.strategy(**gateway.iam()))


def test_a_key_file_that_is_none(gateway: Gateway, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "key.json"
    file.write_text('{"type": "service_account", "private_key": "canary"')
    monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(file))

    with pytest.raises(AuthenticationError, match="not a valid json file") as caught:
        read(gateway.mount.strategy(**gateway.iam()))

    assert "canary" not in str(caught.value)


def test_a_role_for_another_account_refuses(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(KONG, gateway, monkeypatch)
    gateway.mount.write_role("role/as-account", type="iam", bound_service_accounts=[VAULT])

    with pytest.raises(AuthenticationError, match="by GCP IAM at .*: refused .*admits 'gcp_service_account'"):
        read(gateway.mount.strategy(**gateway.iam()))


def test_the_jwt_expires_when_told(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    _be(KONG, gateway, monkeypatch)
    gateway.mount.write_role("role/as-account", type="iam", bound_service_accounts=[KONG], max_jwt_exp="60s")

    with pytest.raises(AuthenticationError, match="expire within"):
        read(gateway.mount.strategy(**gateway.iam()))

    assert read(gateway.mount.strategy(**gateway.iam(gcp_jwt_exp=50))) == SECRET


def test_without_google_auth_the_remedy_is_told(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "google.auth", None)

    with pytest.raises(MissingDependencyError, match=r"'google.auth': pip install 'kong-vault-py\[hcv,gcp\]'"):
        read(gateway.mount.strategy(**gateway.iam()))


def test_an_instance_reads_by_its_identity(gateway: Gateway) -> None:
    strategy = gateway.gce()

    assert [read(strategy) for _ in range(3)] == [SECRET] * 3
    gateway.mount.revoke_tokens()
    assert read(strategy) == SECRET


def test_an_instance_elsewhere_is_refused(gateway: Gateway) -> None:
    gateway.mount.write_role("role/as-instance", type="gce", bound_projects=["another"])

    with pytest.raises(AuthenticationError, match="by GCE instance at .*: refused .*not in bound projects"):
        read(gateway.gce())


def test_no_metadata_server_there(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GCE_METADATA_HOST", f"127.0.0.1:{free_port()}")

    with pytest.raises(UnavailableError, match="no connection to .*; check that this is a Google Compute Engine"):
        read(gateway.gce())


@pytest.mark.parametrize(
    "answered", [Answered(b"a.b.c"), Answered(b"<html>", headers={"Metadata-Flavor": "Google"}), Answered(b"")]
)
def test_something_else_answers_for_the_metadata_server(gateway: Gateway, answered: Answered) -> None:
    path = "/computeMetadata/v1/instance/service-accounts/default/identity"
    gateway.google.routes[f"GET {path}"] = lambda _: answered

    with pytest.raises(InvalidResponseError, match="holds no identity token of Google's"):
        read(gateway.gce())


def test_an_instance_without_a_service_account(gateway: Gateway) -> None:
    gateway.google.routes = {}

    with pytest.raises(AuthenticationError, match="HTTP 404 .no such path.; check that this is a Google Compute"):
        read(gateway.gce())


def test_a_silent_metadata_server_costs_no_more_than_the_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(None) as silent:
        monkeypatch.setenv("GCE_METADATA_HOST", f"{silent.host}:{silent.port}")

        with pytest.raises(StrategyTimeoutError, match="asking the GCE metadata server"):
            gateway.gce().fetch("redis", None, timeout_s=0.3)
