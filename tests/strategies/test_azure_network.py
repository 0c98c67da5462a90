"""The azure vault on the wire: deadlines, proxies, TLS, environment, logs; and its options."""

from __future__ import annotations

import logging
import sys
import threading
import time
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    MissingDependencyError,
    StrategyTimeoutError,
    UnavailableError,
)
from tests.servers.azure_cloud import CLIENT_SECRET, AzureCloud
from tests.servers.json_server import Reply, Request
from tests.strategies.azure_backends import TIMEOUT_S, TOKEN_PATH, azure_strategy, fetch_redis, redis_error


def test_login_and_read_share_one_deadline(azure: AzureCloud) -> None:
    release = threading.Event()
    azure_strategy(azure).check(timeout_s=TIMEOUT_S)  # so that importing the SDK takes no part

    def never(request: Request) -> Reply:
        release.wait(TIMEOUT_S)
        return Reply({})

    azure.logins_by_path[TOKEN_PATH] = never
    started_s = time.monotonic()
    with pytest.raises(StrategyTimeoutError, match=r"logging in to Azure by client secret .* took longer than 0\.5 s"):
        fetch_redis(azure_strategy(azure), timeout_s=0.5)
    took_s = time.monotonic() - started_s
    release.set()

    assert took_s < 1.5


def test_the_proxy_of_the_environment_is_used_unless_no_proxy_says_otherwise(
    azure: AzureCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    assert "no connection to https://127.0.0.1" in redis_error(azure_strategy(azure), UnavailableError)
    assert azure.server.requests == []
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert fetch_redis(azure_strategy(azure)) == "pw"


def test_nothing_else_is_taken_from_the_environment(
    azure: AzureCloud, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login netrc password netrc")
    monkeypatch.setenv("HOME", str(tmp_path))
    for name in ("AZURE_CLIENT_SECRET", "AZURE_CLIENT_ID", "AZURE_TENANT_ID"):
        monkeypatch.setenv(name, "from-the-environment")
    monkeypatch.setenv("AZURE_AUTHORITY_HOST", "https://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nonexistent")

    assert fetch_redis(azure_strategy(azure)) == "pw"
    for request in azure.server.requests + azure.entra.requests:
        assert "Basic" not in request.headers.get("authorization", "")
        assert "from-the-environment" not in str(request)


def test_tls_is_verified(azure: AzureCloud, tmp_path: Path) -> None:
    no_authority = tmp_path / "ca.pem"
    no_authority.write_text("none")

    assert "is not trusted" in redis_error(azure_strategy(azure, ca_cert=None), UnavailableError)
    assert "holds no readable PEM" in redis_error(azure_strategy(azure, ca_cert=str(no_authority)), ConfigError)
    assert azure.server.requests == []


def test_no_log_line_holds_a_value_or_a_credential(azure: AzureCloud, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    azure.vault.put("redis", "canary-value-77")

    fetch_redis(azure_strategy(azure))
    redis_error(azure_strategy(azure, client_secret="canary-wrong-secret"), AuthenticationError)

    assert "/secrets/redis/" in caplog.text, "the SDK logs its requests, so there was something to look at"
    for secret in (CLIENT_SECRET, "canary-wrong-secret", "canary-value-77", *azure.logins.tokens):
        assert secret not in caplog.text


def test_without_the_sdk(azure: AzureCloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "azure.identity", None)

    message = redis_error(azure_strategy(azure), MissingDependencyError)

    assert "needs the Python package 'azure.identity': pip install 'kong-vault-py[azure]'" in message


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"vault_uri": None}, "option 'vault_uri' is required"),
        ({"vault_uri": "http://v.vault.azure.net"}, "option 'vault_uri'"),
        ({"vault_uri": "https://v.vault.azure.net/secrets"}, "option 'vault_uri'"),
        ({"vault_uri": "https://user@v.vault.azure.net"}, "option 'vault_uri'"),
        ({"type": "keys"}, "option 'type'.*secrets"),
        ({"tenant_id": "a/b"}, "option 'tenant_id'"),
        ({"tenant_id": None}, "'client_secret' needs options 'tenant_id' and 'client_id'"),
        ({"credentials_prefix": "A-B"}, "option 'credentials_prefix'"),
        ({"authority_host": "https://login.microsoftonline.com"}, "option 'authority_host'"),
    ],
)
def test_options_that_will_not_do(azure: AzureCloud, options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        azure_strategy(azure, **options)


def test_kongs_options_and_defaults(azure: AzureCloud) -> None:
    config = azure_strategy(azure, location="westeurope", vault_uri=f"{azure.server.url}/").config

    assert (config.type, config.credentials_prefix, config.location) == ("secrets", "AZURE", "westeurope")
    assert config.url == azure.server.url
    assert CLIENT_SECRET not in repr(config)
