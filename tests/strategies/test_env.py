"""The env vault: the contract, Kong's recorded behaviour, and what is ours."""

from __future__ import annotations

import os
from typing import Any

import pytest

from kong_vault_py.errors import ConfigError, InvalidReferenceError, SecretNotFoundError
from kong_vault_py.options import build_config, options_of
from kong_vault_py.reference import parse_reference
from kong_vault_py.schema.inference import merge_overrides
from kong_vault_py.strategies.env import EnvConfig, EnvStrategy, variable_name
from kong_vault_py.testing.strategy_backend import StrategyBackend
from kong_vault_py.testing.strategy_contract import StrategyContract
from tests.unit.vectors import load_vectors

_NO_SERVER = "an environment is no server: it can't deny, hang, be away or answer nonsense"
_TIMEOUT_S = 1.0

# Where we differ from Kong, knowingly: Kong reads its environment once at start, ours is read live, so that a program
# which sets a variable (a test, a loader of .env files) sees it. From outside nobody can change a process's variables.
READ_LIVE = {"env-00417"}


class EnvBackend(StrategyBackend):
    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self._monkeypatch = monkeypatch

    def strategy(self) -> EnvStrategy:
        return EnvStrategy(EnvConfig(prefix="kvp_"))

    def put(self, resource: str, value: str) -> None:
        self._monkeypatch.setenv(variable_name("kvp_", resource, None), value)

    def remove(self, resource: str) -> None:
        self._monkeypatch.delenv(variable_name("kvp_", resource, None))

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, new)
        self._monkeypatch.setenv(variable_name("kvp_", resource, 2), old)
        return 2.0, 1.0


class TestContract(StrategyContract):
    not_applicable = {
        "test_denied": _NO_SERVER,
        "test_wrong_credentials": _NO_SERVER,
        "test_unreachable": _NO_SERVER,
        "test_slow": _NO_SERVER,
        "test_malformed": _NO_SERVER,
        "test_absent_version": "every version but 2 is the variable itself, as in Kong",
        "test_impossible_version": "every version but 2 is the variable itself, as in Kong",
    }

    @pytest.fixture
    def backend(self, monkeypatch: pytest.MonkeyPatch) -> EnvBackend:
        return EnvBackend(monkeypatch)


def test_an_unset_variable_is_named() -> None:
    strategy = EnvStrategy(EnvConfig(prefix="kvp-"))

    with pytest.raises(SecretNotFoundError, match="environment variable 'KVP_NO_SUCH_THING' is not set"):
        strategy.fetch("no-such-thing", None, timeout_s=_TIMEOUT_S)


def test_a_value_that_is_no_utf8_keeps_its_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(os.environb, b"KVP_BYTES", b"\xff\xfe")

    fetched = EnvStrategy(EnvConfig()).fetch("kvp-bytes", None, timeout_s=_TIMEOUT_S)

    assert isinstance(fetched.value, str)
    assert fetched.value.encode("utf-8", "surrogateescape") == b"\xff\xfe"


@pytest.mark.parametrize("prefix", ["ssl_", "my-app-", "-x", "_"])
def test_prefixes_that_kong_takes(prefix: str) -> None:
    assert build_config(EnvConfig, {"prefix": prefix}, where="test").prefix == prefix


@pytest.mark.parametrize("prefix", ["1a", "a.b", "a b", "é"])
def test_prefixes_that_kong_drops_are_errors(prefix: str) -> None:
    with pytest.raises(ConfigError, match="option 'prefix'"):
        build_config(EnvConfig, {"prefix": prefix}, where="test")


@pytest.mark.parametrize("case", load_vectors("env", "env.get"), ids=lambda case: case["id"])
def test_variable_names_are_kongs(case: dict[str, Any]) -> None:
    given = case["input"]

    name = variable_name(_as_kong_sees(given["prefix"]), given["resource"], given["version"])

    assert name == case["output"]["variable"]


@pytest.mark.parametrize("case", load_vectors("env", "get_strategy + env.get"), ids=lambda case: case["id"])
def test_references_lead_to_kongs_variables(case: dict[str, Any]) -> None:
    if "error" in case:
        assert _error_of(case["input"]["reference"]) == case["error"]
        return
    reference = parse_reference(case["input"]["reference"])
    fields = {known.name: known.kong_field() for known in options_of(EnvConfig)}
    prefix = merge_overrides(fields, {}, reference.config).get("prefix")

    name = variable_name(_as_kong_sees(prefix), reference.resource, reference.version)

    assert {"variable": name, "prefix": prefix, "key": reference.key} == case["output"]


@pytest.mark.parametrize("case", load_vectors("env", "env.init + env.get"), ids=lambda case: case["id"])
def test_values_are_kongs(case: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    given = case["input"]
    strategy = EnvStrategy(EnvConfig(prefix=given["prefix"]))

    for variable, value in given["environ"].items():
        monkeypatch.setenv(variable, value)
    assert _value(strategy, given) == case["output"]["value"]

    for variable, value in given.get("setenv_after_init", {}).items():
        monkeypatch.setenv(variable, value)
    if case["id"] in READ_LIVE:
        assert _value(strategy, given) == "late"
        assert case["output"]["value_after_setenv"] is None, "else it is no difference any more"
    else:
        assert _value(strategy, given) == case["output"].get("value_after_setenv", case["output"]["value"])


def _as_kong_sees(prefix: object) -> str | None:
    """``get`` of Kong's env vault passes over a prefix that is no string."""
    return prefix if isinstance(prefix, str) else None


def _error_of(reference: str) -> str:
    """Return what Kong says; an unknown vault is found out by the entities, not by this strategy."""
    try:
        name = parse_reference(reference).name
    except InvalidReferenceError as error:
        return str(error)
    assert name != EnvStrategy.name
    return "unable to retrieve config from db"


def _value(strategy: EnvStrategy, given: dict[str, Any]) -> str | bytes | None:
    try:
        return strategy.fetch(given["resource"], given["version"], timeout_s=_TIMEOUT_S).value
    except SecretNotFoundError:
        return None
