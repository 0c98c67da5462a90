"""The options of the hcv vault: Kong's names, defaults and spellings; clear errors."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from kong_vault_py.errors import ConfigError, MissingDependencyError
from kong_vault_py.options import StrategyConfig, build_config, options_of
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy

_TOKEN = {"token": "hvs.t"}


def _config(**options: object) -> HcvConfig:
    return build_config(HcvConfig, options, where="vault 'h'")


def test_the_defaults_are_kongs() -> None:
    config = _config(**_TOKEN)

    assert (config.url, config.mount, config.kv) == ("http://127.0.0.1:8200", "secret", "v1")
    assert (config.auth_method, config.approle_auth_path, config.ssl_verify) == ("token", "approle", True)


@pytest.mark.parametrize(("written", "meant"), [("on", True), ("off", False), ("true", True), ("false", False)])
def test_booleans_as_kong_conf_and_as_entities_write_them(written: str, meant: bool) -> None:
    assert _config(**_TOKEN, ssl_verify=written).ssl_verify is meant


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("vault.example.com", "http://vault.example.com:8200"),
        ("::1", "http://[::1]:8200"),
        ("[::1]", "http://[::1]:8200"),
    ],
)
def test_hosts(host: str, url: str) -> None:
    assert _config(**_TOKEN, host=host).url == url


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({}, "option 'token' is required with auth_method 'token'"),
        ({"token": ""}, "option 'token' is required"),
        ({"token": "t", "host": "a b"}, "option 'host'"),
        ({"token": "t", "host": "http://vault"}, "option 'host'"),
        ({"token": "t", "host": "user@vault"}, "option 'host'"),
        ({"token": "t", "port": "http"}, "option 'port'"),
        ({"token": "t", "protocol": "ftp"}, "option 'protocol'.*http, https"),
        ({"token": "t", "kv": "v3"}, "option 'kv'.*v1, v2"),
        ({"token": "t", "ssl_verify": "maybe"}, "option 'ssl_verify'"),
        ({"token": "t", "mount": "a/../sys"}, "option 'mount'.*expected a path"),
        ({"token": "t", "mount": "/"}, "option 'mount'.*expected a path"),
        ({"token": "t", "namespace": "a b"}, "option 'namespace'"),
        ({"auth_method": "psychic"}, "option 'auth_method'.*token, approle"),
        ({"auth_method": "approle"}, "option 'approle_role_id' is required"),
        ({"auth_method": "approle", "approle_role_id": "r"}, "exactly one of"),
        (
            {
                "auth_method": "approle",
                "approle_role_id": "r",
                "approle_secret_id": "s",
                "approle_secret_id_file": "/f",
            },
            "exactly one of",
        ),
        ({"token": "t", "tokn": "t"}, "unknown option 'tokn' .did you mean 'token'"),
    ],
)
def test_what_is_wrong_is_named(options: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError, match=f"^vault 'h': .*{said}"):
        _config(**options)


def test_credentials_do_not_show() -> None:
    config = _config(auth_method="approle", approle_role_id="r", approle_secret_id="canary", token="canary")

    assert "canary" not in repr(config)


def test_references_may_choose_the_engine_version_and_no_more() -> None:
    shared = {known.name for known in options_of(StrategyConfig)}

    overridable = {known.name for known in options_of(HcvConfig) if known.override}

    assert overridable - shared == {"kv"}


def test_without_hvac_the_remedy_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "hvac", None)
    strategy = HcvStrategy(_config(**_TOKEN))

    with pytest.raises(MissingDependencyError, match=r"'hvac': pip install 'kong-vault-py\[hcv\]'"):
        strategy.fetch("redis", None, timeout_s=1)
    assert strategy.check(timeout_s=1).status is HealthStatus.UNKNOWN


def test_importing_the_strategy_loads_no_sdk() -> None:
    script = "import sys, json, kong_vault_py.strategies.hcv; print(json.dumps(sorted(sys.modules)))"
    found = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert not {"hvac", "requests", "urllib3"} & set(json.loads(found.stdout))
