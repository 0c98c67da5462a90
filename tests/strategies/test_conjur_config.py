"""The options of the conjur vault: Kong's names and defaults; clear errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kong_vault_py.errors import ConfigError, MissingDependencyError
from kong_vault_py.options import StrategyConfig, build_config, options_of
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.conjur import ConjurConfig, ConjurStrategy

_GIVEN = {
    "endpoint_url": "https://conjur.example.com",
    "account": "acme",
    "login": "host/gateway/kong",
    "api_key": "canary-key",
}


def _config(**options: object) -> ConjurConfig:
    return build_config(ConjurConfig, _GIVEN | options, where="vault 'c'")


def test_the_defaults() -> None:
    config = _config()

    assert (config.auth_method, config.ssl_verify, config.ca_cert) == ("api_key", True, None)


@pytest.mark.parametrize(
    ("written", "url"),
    [
        ("https://conjur.example.com/", "https://conjur.example.com"),
        ("http://conjur:80", "http://conjur:80"),
        ("https://acme.secretsmgr.cyberark.cloud/api/", "https://acme.secretsmgr.cyberark.cloud/api"),
        ("https://[::1]:8443", "https://[::1]:8443"),
    ],
)
def test_endpoint_urls(written: str, url: str) -> None:
    assert _config(endpoint_url=written).url == url


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"endpoint_url": None}, "option 'endpoint_url' is required"),
        ({"account": None}, "option 'account' is required"),
        ({"login": ""}, "option 'login' is required"),
        ({"api_key": ""}, "option 'api_key' is required"),
        ({"endpoint_url": "conjur.example.com"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "ftp://conjur"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://:8443"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://conjur:port"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://conjur:99999"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://[::1"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://a b"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://conjur?x=1"}, "option 'endpoint_url': expected a URL"),
        ({"endpoint_url": "https://dave:pw@conjur"}, "option 'endpoint_url': expected a URL"),
        ({"auth_method": "jwt"}, "option 'auth_method'.*api_key"),
        ({"account": "a/b"}, "option 'account'"),
        ({"account": "a:b"}, "option 'account'"),
        ({"account": ".."}, "option 'account'"),
        ({"login": "host/../admin"}, "option 'login'"),
        ({"login": "host/"}, "option 'login'"),
        ({"logn": "x"}, "unknown option 'logn' .did you mean 'login'"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=f"^vault 'c': .*{said}") as caught:
        _config(**options)
    assert "pw@" not in str(caught.value)


def test_the_api_key_does_not_show() -> None:
    assert "canary-key" not in repr(_config())


def test_references_may_not_say_where_conjur_is_or_who_we_are() -> None:
    shared = {known.name for known in options_of(StrategyConfig)}

    assert {known.name for known in options_of(ConjurConfig) if known.override} <= shared


def test_without_requests_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "requests", None)
    strategy = ConjurStrategy(_config())

    with pytest.raises(MissingDependencyError, match=r"'requests': pip install 'kong-vault-py\[conjur\]'"):
        strategy.fetch("redis", None, timeout_s=1)
    assert strategy.check(timeout_s=1).status is HealthStatus.UNKNOWN


def test_importing_the_strategy_loads_no_client() -> None:
    script = "import sys, json, kong_vault_py.strategies.conjur; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"requests", "urllib3"} & set(json.loads(found.stdout))
