"""No request gets this machine's identity sent where it says, nor its files read: without being told so, nowhere."""

from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.agent.bodies import FetchRequest
from kong_vault_py.agent.identity import borrowed
from kong_vault_py.agent.options import Accepts
from kong_vault_py.agent.requested import Requests
from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import ConfigError
from kong_vault_py.strategies.registry import BUILT_IN, load_strategy

EVIL = {"host": "evil.example", "protocol": "https"}
AZURE = {"vault_uri": "https://evil.example", "tenant_id": "t", "client_id": "c"}
PEM = "-----BEGIN CERTIFICATE-----\n..."

BORROWING: list[tuple[str, dict[str, Any]]] = [
    ("fs", {"prefix": "/etc/kong-vault"}),
    ("fs", {"prefix": "/proc/self"}),
    ("hcv", EVIL | {"auth_method": "kubernetes", "kube_role": "x"}),
    ("hcv", EVIL | {"auth_method": "kubernetes", "kube_role": "x", "kube_api_token_file": "/etc/shadow"}),
    ("hcv", EVIL | {"auth_method": "approle", "approle_role_id": "x", "approle_secret_id_file": "/etc/secret-id"}),
    ("hcv", EVIL | {"auth_method": "cert", "cert_auth_cert": "/etc/tls.pem", "cert_auth_cert_key": "/etc/tls.key"}),
    ("hcv", EVIL | {"auth_method": "cert", "cert_auth_cert": PEM, "cert_auth_cert_key": "/etc/tls.key"}),
    ("hcv", EVIL | {"auth_method": "aws_iam", "aws_auth_role": "x", "aws_auth_region": "eu-west-1"}),
    ("hcv", EVIL | {"auth_method": "aws_iam", "aws_auth_role": "x", "aws_access_key_id": "x"}),
    ("hcv", EVIL | {"auth_method": "aws_ec2", "aws_auth_role": "x", "aws_auth_nonce": "x"}),
    ("hcv", EVIL | {"auth_method": "gcp_gce", "gcp_auth_role": "x"}),
    ("hcv", EVIL | {"auth_method": "gcp_iam", "gcp_auth_role": "x", "gcp_service_account": "x"}),
    ("hcv", EVIL | {"auth_method": "azure", "azure_auth_role": "x"}),
    ("aws", {"endpoint_url": "https://evil.example"}),
    ("aws", {"region": "eu-west-1", "assume_role_arn": "arn:x", "sts_endpoint_url": "https://evil.example"}),
    ("gcp", {"project_id": "x", "endpoint_url": "https://evil.example"}),
    ("gcp", {"project_id": "x", "ca_cert": "/tmp/evil.pem"}),
    ("azure", AZURE),
    ("azure", {"vault_uri": "https://evil.example/.vault.azure.net"}),
    ("azure", {"vault_uri": "https://evilvault.azure.net"}),
    ("azure", {"vault_uri": "https://x.vault.azure.net", "authority_host": "evil.example"}),
    ("azure-certs", AZURE),
    ("azure-certs", {"vault_uri": "https://x.vault.azure.net", "credentials_prefix": "GITHUB"}),
    ("konnect", {"config_store_id": "x", "store_file": "/etc/store", "master_key": "file:/etc/key"}),
    ("konnect", {"config_store_id": "x", "manager_url": "https://evil.example"}),
    ("konnect", {"config_store_id": "x", "ssl_verify": False}),
]

BRINGING: list[tuple[str, dict[str, Any]]] = [
    ("hcv", EVIL | {"token": "x"}),
    ("hcv", EVIL | {"auth_method": "approle", "approle_role_id": "x", "approle_secret_id": "x"}),
    ("hcv", EVIL | {"auth_method": "cert", "cert_auth_cert": PEM, "cert_auth_cert_key": PEM}),
    ("hcv", EVIL | {"auth_method": "jwt", "jwt_role": "x", "oauth2_client_secret": "x"}),
    ("hcv", EVIL | {"auth_method": "aws_iam", "aws_access_key_id": "x", "aws_secret_access_key": "x"}),
    ("aws", {"region": "eu-west-1", "assume_role_arn": "arn:aws:iam::1:role/x"}),
    ("gcp", {"project_id": "x"}),
    ("gcp", {"project_id": "x", "endpoint_url": "https://other.example", "service_account": "{}"}),
    ("azure", {"vault_uri": "https://x.vault.azure.net", "location": "here"}),
    ("azure", AZURE | {"client_secret": "x"}),
    ("azure-certs", {"vault_uri": "https://x.vault.usgovcloudapi.net"}),
    ("conjur", {"endpoint_url": "https://other.example", "account": "x", "login": "x", "api_key": "x"}),
    ("konnect", {"config_store_id": "x"}),
    ("konnect", {"config_store_id": "x", "manager_url": "https://other.example", "node_token": "x"}),
]


@pytest.fixture
def described(monkeypatch: pytest.MonkeyPatch) -> list[VaultEntity]:
    """The vaults that requests described and that would be asked."""
    found: list[VaultEntity] = []

    def lookup_in(_vault: Vault, entity: VaultEntity, *_: object) -> None:
        found.append(entity)
        raise ConfigError("asked")

    monkeypatch.setattr(Vault, "lookup_in", lookup_in)
    return found


def fetch(strategy: str, config: dict[str, Any], accepts: Accepts) -> str:
    """Ask for a secret, and return what is wrong."""
    with Vault(Settings.load(environ={}), background=False) as vault:
        requests = Requests(vault, load_strategy, frozenset())
        with pytest.raises(ConfigError) as raised:
            requests.fetch(FetchRequest(strategy, config, "x", None), accepts=accepts)
    return str(raised.value)


@pytest.mark.parametrize(("strategy", "config"), BORROWING)
def test_a_vault_that_would_be_asked_as_this_machine_is_refused(
    described: list[VaultEntity], strategy: str, config: dict[str, Any]
) -> None:
    message = fetch(strategy, config, "own")

    assert described == []
    assert f"the request's config for '{strategy}': requests may not use " in message
    assert "vault_py_agent_accept_config = any" in message


@pytest.mark.parametrize(("strategy", "config"), BRINGING)
def test_a_vault_that_brings_what_it_needs_is_none_of_the_agents_business(
    strategy: str, config: dict[str, Any]
) -> None:
    assert borrowed(strategy, config) is None


def test_an_operator_may_allow_it(described: list[VaultEntity]) -> None:
    fetch("fs", {"prefix": "/run/secrets"}, "any")
    fetch("hcv", {"host": "vault.internal", "token": "x"}, "own")

    assert [(entity.name, dict(entity.config)) for entity in described] == [
        ("fs", {"prefix": "/run/secrets"}),
        ("hcv", {"host": "vault.internal", "token": "x"}),
    ]
    assert "takes no 'host' from requests" in fetch("hcv", {"host": "vault.internal", "token": "x"}, "none")


def test_every_vault_is_judged_and_those_that_nobody_judged_are_refused() -> None:
    # env has no option that says where it is: its requests never describe a vault.
    for name in BUILT_IN.keys() - {"env"}:
        assert "whatever" not in (borrowed(name, {}) or ""), name
    assert borrowed("somebody-elses", {"host": "evil.example"}) == "whatever 'somebody-elses' finds on this machine"
