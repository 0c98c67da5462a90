"""The package's public face: complete, and cheap to import."""

import subprocess
import sys

import pytest

import kong_vault_py
from kong_vault_py import errors
from kong_vault_py.errors import ConfigError, MissingDependencyError, UnknownStrategyError
from kong_vault_py.strategies import registry


def test_every_public_name_is_there_and_every_error_is_public():
    for name in kong_vault_py.__all__:
        assert getattr(kong_vault_py, name).__name__ == name
    assert set(errors.__all__) <= set(kong_vault_py.__all__) <= set(dir(kong_vault_py))
    with pytest.raises(AttributeError, match="no attribute 'Nope'"):
        _ = kong_vault_py.Nope


@pytest.mark.parametrize("module", ["kong_vault_py", "kong_vault_py.plugin", "kong_vault_py.vault"])
def test_importing_loads_no_sdk_and_no_server(module):
    heavy = "hvac boto3 botocore google.cloud azure requests redis gevent kong_pdk"
    program = f"import sys, {module}; print([name for name in {heavy.split()!r} if name in sys.modules])"

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout

    assert loaded.strip() == "[]"


def test_a_missing_sdk_is_an_error_with_the_pip_command(monkeypatch):
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setitem(registry.BUILT_IN, "hcv", registry.BuiltIn("kong_vault_py.no_such_module", "X", extra="hcv"))

    with pytest.raises(MissingDependencyError, match=r"pip install 'kong-vault-py\[hcv\]'"):
        registry.load_strategy("hcv")


def test_an_unknown_strategy_names_the_known_ones():
    with pytest.raises(UnknownStrategyError, match="no vault strategy 'nope'; installed are ") as raised:
        registry.load_strategy("nope")
    assert all(name in str(raised.value) for name in registry.BUILT_IN)


@pytest.fixture(autouse=True)
def _other_packages_are_looked_for_anew():
    registry._third_party.cache_clear()
    yield
    registry._third_party.cache_clear()


class _EntryPoint:
    name = "theirs"

    def __init__(self, loaded):
        self._loaded = loaded

    def load(self):
        return self._loaded


def test_a_third_partys_strategy_is_found_by_its_entry_point(monkeypatch):
    theirs = registry.load_strategy("env")
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "entry_points", lambda group: [_EntryPoint(theirs)])

    assert registry.load_strategy("theirs") is theirs
    assert registry.strategy_names() == [*registry.BUILT_IN, "theirs"]


def test_an_entry_point_that_holds_something_else_is_an_error(monkeypatch):
    monkeypatch.setattr(registry, "_loaded", {})
    monkeypatch.setattr(registry, "entry_points", lambda group: [_EntryPoint(str)])

    with pytest.raises(ConfigError, match="'theirs': its entry point is no subclass"):
        registry.load_strategy("theirs")
