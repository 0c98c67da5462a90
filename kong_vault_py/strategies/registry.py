"""From a strategy's name to its class, imported on first use so that no unused SDK is ever loaded."""

from __future__ import annotations

import functools
import importlib
from importlib.metadata import EntryPoint, entry_points
from typing import Any, NamedTuple

from kong_vault_py.errors import ConfigError, MissingDependencyError, UnknownStrategyError
from kong_vault_py.strategies.base import Strategy

__all__ = ["BUILT_IN", "ENTRY_POINT_GROUP", "load_strategy", "strategy_names"]

ENTRY_POINT_GROUP = "kong_vault_py.strategies"


class BuiltIn(NamedTuple):
    """Where a strategy lives, and the pip extra with its SDK."""

    module: str
    class_name: str
    extra: str | None = None


BUILT_IN: dict[str, BuiltIn] = {
    "env": BuiltIn("kong_vault_py.strategies.env", "EnvStrategy"),
    "fs": BuiltIn("kong_vault_py.strategies.fs", "FsStrategy"),
    "azure": BuiltIn("kong_vault_py.strategies.azure", "AzureStrategy", extra="azure"),
    "azure-certs": BuiltIn("kong_vault_py.strategies.azure_certs", "AzureCertsStrategy", extra="azure"),
    "hcv": BuiltIn("kong_vault_py.strategies.hcv", "HcvStrategy", extra="hcv"),
    "aws": BuiltIn("kong_vault_py.strategies.aws", "AwsStrategy", extra="aws"),
    "gcp": BuiltIn("kong_vault_py.strategies.gcp", "GcpStrategy", extra="gcp"),
    "conjur": BuiltIn("kong_vault_py.strategies.conjur", "ConjurStrategy", extra="conjur"),
    "konnect": BuiltIn("kong_vault_py.strategies.konnect", "KonnectStrategy", extra="konnect"),
}

_loaded: dict[str, type[Strategy[Any]]] = {}


def strategy_names() -> list[str]:
    """Return the names of all strategies, built-in ones first."""
    return [*BUILT_IN, *sorted(_third_party().keys() - BUILT_IN.keys())]


def load_strategy(name: str) -> type[Strategy[Any]]:
    """Return the class of a strategy, importing its module on the first call.

    Raises:
        UnknownStrategyError: neither built in nor registered under the entry point group.
        MissingDependencyError: the strategy's package is not installed; says the pip command.
        ConfigError: a third party's entry point doesn't hold a strategy.
    """
    found = _loaded.get(name)
    if found is None:
        found = _loaded[name] = _import(name)
    return found


def _import(name: str) -> type[Strategy[Any]]:
    built_in = BUILT_IN.get(name)
    try:
        if built_in is not None:
            loaded = getattr(importlib.import_module(built_in.module), built_in.class_name)
        else:
            loaded = _entry_point(name).load()
    except ModuleNotFoundError as error:
        extra = built_in.extra if built_in else None
        command = f"pip install 'kong-vault-py[{extra}]'" if extra else f"pip install {error.name}"
        raise MissingDependencyError(
            f"vault strategy '{name}' needs the Python package '{error.name}': {command}"
        ) from error
    if not (isinstance(loaded, type) and issubclass(loaded, Strategy)):
        raise ConfigError(f"vault strategy '{name}': its entry point is no subclass of kong_vault_py's Strategy")
    return loaded


@functools.cache
def _third_party() -> dict[str, EntryPoint]:
    """Return what other packages register. Asked once: the answer takes a look at every installed package."""
    return {found.name: found for found in entry_points(group=ENTRY_POINT_GROUP)}


def _entry_point(name: str) -> EntryPoint:
    found = _third_party().get(name)
    if found is None:
        known = ", ".join(strategy_names())
        raise UnknownStrategyError(f"no vault strategy '{name}'; installed are {known}")
    return found
