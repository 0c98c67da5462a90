"""What every login has in common: its options, its namespace, no SDK before it is used, no credential shown."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from kong_vault_py.errors import AuthenticationError, ConfigError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.strategies.hcv.login_methods import METHODS
from tests.strategies.fake_http import Answered, FakeHttp
from tests.strategies.fake_vault import FakeVault, Reply

_OAUTH2 = {
    "jwt_role": "r",
    "oauth2_token_endpoint": "https://idp/token",
    "oauth2_client_id": "c",
    "oauth2_client_secret": "canary",
}
_ENOUGH: dict[str, dict[str, object]] = {
    "token": {"token": "canary"},
    "approle": {"approle_role_id": "r", "approle_secret_id": "canary"},
    "kubernetes": {"kube_role": "r"},
    "cert": {"protocol": "https", "cert_auth_cert": "/tls.crt", "cert_auth_cert_key": "canary"},
    "jwt": _OAUTH2,
    "oauth2": _OAUTH2,
    "gcp_iam": {"gcp_auth_role": "r", "gcp_service_account": "kong@project"},
    "gcp_gce": {"gcp_auth_role": "r"},
    "azure": {"azure_auth_role": "r"},
    "aws_iam": {"aws_auth_role": "r", "aws_auth_region": "eu-west-1", "aws_access_key_id": "AK"}
    | {"aws_secret_access_key": "canary"},
    "aws_ec2": {"aws_auth_role": "r", "aws_auth_nonce": "canary"},
}
_ALONE = {"approle_secret_id", "aws_access_key_id", "aws_secret_access_key", "protocol"}
_REQUIRED = [(method, name) for method, options in _ENOUGH.items() for name in options if name not in _ALONE]


def _config(method: str, **options: object) -> HcvConfig:
    return build_config(HcvConfig, {"auth_method": method} | _ENOUGH[method] | options, where="vault 'h'")


def test_every_method_is_here() -> None:
    assert set(_ENOUGH) == set(METHODS)


@pytest.mark.parametrize("method", METHODS)
def test_kongs_options_are_enough_and_no_credential_shows(method: str) -> None:
    strategy = HcvStrategy(_config(method))

    assert "canary" not in repr(strategy.config)
    strategy.close()


@pytest.mark.parametrize(("method", "name"), _REQUIRED)
def test_what_a_method_needs_is_named(method: str, name: str) -> None:
    with pytest.raises(ConfigError, match=f"^vault 'h': option '{name}' is required with auth_method '{method}'"):
        _config(method, **{name: None})


@pytest.mark.parametrize(
    ("method", "options", "said"),
    [
        ("cert", {"protocol": "http"}, "auth_method 'cert' needs option 'protocol' to be https"),
        ("aws_iam", {"aws_secret_access_key": None}, "'aws_access_key_id' and 'aws_secret_access_key' go together"),
        ("aws_iam", {"aws_access_key_id": None}, "go together"),
        ("aws_iam", {"aws_auth_region": "eu/west"}, "option 'aws_auth_region'"),
        ("aws_iam", {"aws_login_path": "/v1/auth/../sys/login"}, "option 'aws_login_path': .*'/v1/auth/team/login'"),
        ("azure", {"azure_login_path": "azure"}, "option 'azure_login_path'"),
        ("gcp_gce", {"gcp_login_path": "/v1/sys/gcp/login"}, "option 'gcp_login_path'"),
        ("gcp_iam", {"gcp_jwt_exp": 901}, "option 'gcp_jwt_exp'"),
        ("jwt", {"oauth2_token_endpoint": "idp/token"}, "option 'oauth2_token_endpoint'"),
        ("jwt", {"jwt_auth_path": "a/../b"}, "option 'jwt_auth_path'"),
        ("kubernetes", {"kube_auth_path": "/"}, "option 'kube_auth_path'"),
        ("cert", {"cert_auth_path": "."}, "option 'cert_auth_path'"),
    ],
)
def test_what_does_not_go_together_is_named(method: str, options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=f"^vault 'h': .*{said}"):
        _config(method, **options)


def test_the_defaults_are_kongs() -> None:
    config = _config("token")

    assert config.kube_auth_path == "kubernetes"
    assert config.kube_api_token_file == "/var/run/secrets/kubernetes.io/serviceaccount/token"
    assert config.gcp_login_path == "/v1/auth/gcp/login"
    assert config.azure_login_path == "/v1/auth/azure/login"
    assert config.aws_login_path == "/v1/auth/aws/login"
    assert config.aws_role_session_name == "kong"


def test_the_role_of_the_jwt_method_has_two_names() -> None:
    assert _config("jwt", jwt_role=None, oauth2_role_name="kong").jwt_role == "kong"


def test_the_namespace_goes_with_a_login_and_not_to_others(tmp_path: Path) -> None:
    answered = Answered({"access_token": "a.b.c"})
    with FakeVault() as vault, FakeHttp({"POST /token": lambda _: answered}) as provider:
        vault.routes["/v1/auth/jwt/login"] = Reply({"errors": ["no"]}, 400)
        endpoint = {"host": vault.host, "port": vault.port, "oauth2_token_endpoint": f"{provider.url}/token"}
        strategy = HcvStrategy(_config("jwt", namespace="team/a", **endpoint))

        with pytest.raises(AuthenticationError):
            strategy.fetch("redis", None, timeout_s=5)

        assert vault.requests[0].headers["X-Vault-Namespace"] == "team/a"
        assert not [name for name in provider.asked[0].headers if name.startswith("x-vault")]


def test_no_sdk_loads_before_it_is_used() -> None:
    script = "import sys, json, kong_vault_py.strategies.hcv; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"botocore", "google.auth", "hvac", "requests", "cryptography"} & set(json.loads(found.stdout))
