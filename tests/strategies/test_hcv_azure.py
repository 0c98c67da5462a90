"""The Azure login, against a metadata service and a login endpoint that are played strictly.

A real Vault asks Microsoft's own servers for the keys of such a token, wherever it runs.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from kong_vault_py.errors import AuthenticationError, InvalidResponseError, StrategyTimeoutError, UnavailableError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.testing.loopback import LoopbackServer
from tests.servers.ports import free_port
from tests.strategies.fake_azure import FakeAzure
from tests.strategies.fake_http import Answered
from tests.strategies.fake_vault import FakeVault, Reply, Request

_LOGIN = "/v1/auth/team/azure/login"
_HOST = "AZURE_POD_IDENTITY_AUTHORITY_HOST"


class Gateway:
    """A gateway on the machine, and a Vault whose token for it reads the secret."""

    def __init__(self, azure: FakeAzure, vault: FakeVault) -> None:
        self.azure = azure
        self.vault = vault
        vault.routes |= {_LOGIN: azure.vault_login, "/v1/secret/redis": self._secret}

    def _secret(self, request: Request) -> Reply:
        if request.headers.get("X-Vault-Token") != self.azure.vault_token:
            return Reply({"errors": ["permission denied"]}, 403)
        return Reply({"data": {"value": "pw"}})

    def strategy(self, **options: object) -> HcvStrategy:
        defaults = {
            "host": self.vault.host,
            "port": self.vault.port,
            "namespace": "gateways",
            "auth_method": "azure",
            "azure_auth_role": "kong",
            "azure_login_path": _LOGIN,
        }
        return HcvStrategy(build_config(HcvConfig, defaults | options, where="vault 'test'"))


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[Gateway]:
    with FakeAzure() as azure, FakeVault() as vault:
        monkeypatch.setenv(_HOST, f"{azure.url}/")
        yield Gateway(azure, vault)


def _read(gateway: Gateway, **options: object) -> str | bytes:
    return gateway.strategy(**options).fetch("redis", None, timeout_s=5).value


@pytest.mark.parametrize("scale_set", ["", "gateways-vmss"])
def test_a_machine_reads_by_its_managed_identity(gateway: Gateway, scale_set: str) -> None:
    gateway.azure.scale_set = scale_set
    strategy = gateway.strategy()

    assert [strategy.fetch("redis", None, timeout_s=5).value for _ in range(3)] == ['{"value":"pw"}'] * 3
    assert gateway.vault.count(_LOGIN) == 1
    assert {request.headers.get("X-Vault-Namespace") for request in gateway.vault.requests} == {"gateways"}


def test_a_role_that_does_not_admit_the_machine(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="by Azure at 'team/azure': refused .*check 'azure_auth_role'"):
        _read(gateway, azure_auth_role="another")


def test_a_resource_that_is_not_vaults(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="expected audience.*'azure_resource'"):
        _read(gateway, azure_resource="https://vault.azure.net")


def test_a_resource_that_azure_does_not_know(gateway: Gateway) -> None:
    with pytest.raises(AuthenticationError, match="HTTP 400 .invalid_resource: AADSTS500011.*option 'azure_resource'"):
        _read(gateway, azure_resource="api://nowhere")


def test_no_metadata_service_there(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(_HOST, f"http://127.0.0.1:{free_port()}")

    with pytest.raises(UnavailableError, match="no connection to .*; check that this is an Azure virtual machine"):
        _read(gateway)


@pytest.mark.parametrize(
    ("path", "body", "said"),
    [
        ("GET /metadata/identity/oauth2/token", b"<html>", "access token"),
        ("GET /metadata/identity/oauth2/token", b'{"access_token": 7}', "access token"),
        ("GET /metadata/instance", b"[]", "description of the machine"),
        ("GET /metadata/instance", b'{"compute": "?"}', "description of the machine"),
    ],
)
def test_something_else_answers_for_the_metadata_service(gateway: Gateway, path: str, body: bytes, said: str) -> None:
    gateway.azure.routes[path] = lambda _: Answered(body)

    with pytest.raises(InvalidResponseError, match=f"the answer holds no {said}"):
        _read(gateway)


def test_a_silent_metadata_service_costs_no_more_than_the_deadline(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    with LoopbackServer(None) as silent:
        monkeypatch.setenv(_HOST, f"http://{silent.host}:{silent.port}")

        with pytest.raises(StrategyTimeoutError, match="asking Azure's metadata service"):
            gateway.strategy().fetch("redis", None, timeout_s=0.3)
