"""What a request's config means: the agent's own vault, perhaps with other lifetimes, or a vault of its own.

The agent's credentials never go where a request says. So a request either keeps to the agent's settings and sets what
a reference's query may set, or it names its vault completely, and nothing of the agent's settings is used.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cachetools import LRUCache

from kong_vault_py.agent.bodies import FetchRequest, OptionValue
from kong_vault_py.agent.decoding import decoded
from kong_vault_py.agent.identity import borrowed
from kong_vault_py.agent.options import Accepts
from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import ConfigError
from kong_vault_py.options import Option, build_config, options_of
from kong_vault_py.reference import ConfigValue, Reference, is_reference, whole_reference
from kong_vault_py.status import Lookup
from kong_vault_py.strategies.base import Strategy
from kong_vault_py.vault import Vault

__all__ = ["Requests"]

#: Configs understood and kept; Kong sends a handful, over and over.
_MOST_KEPT = 1000
_DECODE = "base64_decode"


class _Own(NamedTuple):
    """The agent's own vault, with overrides."""

    overrides: Mapping[str, ConfigValue] | None


class _Described(NamedTuple):
    """A vault that the request describes."""

    entity: VaultEntity
    decodes: bool


_Meaning = _Own | _Described


class Requests:
    """Answers ``POST /v1/fetch`` from a vault.

    Args:
        vault: the resolver.
        strategies: strategy name -> class.
        allowed: ``<strategy>.<option>`` that requests may set in any case.
    """

    def __init__(self, vault: Vault, strategies: Callable[[str], type[Strategy[Any]]], allowed: frozenset[str]) -> None:
        self._vault = vault
        self._strategies = strategies
        self._allowed = allowed
        self._kept: LRUCache[tuple[object, ...], _Meaning] = LRUCache(maxsize=_MOST_KEPT)
        self._lock = threading.Lock()

    def fetch(self, request: FetchRequest, *, accepts: Accepts) -> Lookup:
        """Return the whole resource that is asked for.

        Args:
            request: the request.
            accepts: which vaults of its own it may bring.

        Raises:
            VaultError: see ``Vault.get``.
        """
        meaning = self._meaning(request, accepts)
        if isinstance(meaning, _Described):
            found = self._vault.lookup_in(meaning.entity, request.resource, request.version)
            decodes = meaning.decodes
        else:
            whole = Reference(request.strategy, request.resource, config=meaning.overrides, version=request.version)
            found, config = self._vault.lookup_whole(whole_reference(whole))
            decodes = config.base64_decode
        return found._replace(secret=decoded(found.secret)) if decodes else found

    def _meaning(self, request: FetchRequest, accepts: Accepts) -> _Meaning:
        # With the types: 1 and true are equal to Python.
        given = tuple(sorted((name, type(value).__name__, value) for name, value in request.config.items()))
        key = (request.strategy, accepts, given)
        with self._lock:
            found = self._kept.get(key)
        if found is None:
            found = self._understood(request.strategy, request.config, accepts)
            with self._lock:
                self._kept[key] = found
        return found

    def _understood(self, strategy: str, config: Mapping[str, OptionValue], accepts: Accepts) -> _Meaning:
        where = f"the request's config for '{strategy}'"
        config_class = self._strategies(strategy).config_class
        options = {known.name: known for known in options_of(config_class)}
        given = _given(config, options, where)
        beyond = [name for name in given if not self._may_always(strategy, options[name])]
        if not beyond:
            return _Own({name: _text(value) for name, value in given.items()} or None)
        self._check_whose(strategy, given, beyond[0], accepts, where)
        decodes = build_config(config_class, given, where=where).base64_decode
        given.pop(_DECODE, None)
        return _Described(VaultEntity(strategy, strategy, given, where), decodes)

    def _check_whose(
        self, strategy: str, given: Mapping[str, OptionValue], beyond: str, accepts: Accepts, where: str
    ) -> None:
        """Refuse a vault that the request may not bring.

        Raises:
            ConfigError: says which setting to write instead.
        """
        setting = f"vault_{strategy}_{beyond}".replace("-", "_")
        instead = f"set {setting} in the agent's own settings, or vault_py_agent_accept_config = any"
        if accepts == "none":
            raise ConfigError(f"{where}: this agent takes no '{beyond}' from requests; {instead}")
        not_its_own = borrowed(strategy, given) if accepts == "own" else None
        if not_its_own is not None:
            raise ConfigError(f"{where}: requests may not use {not_its_own}; {instead}")

    def _may_always(self, strategy: str, known: Option) -> bool:
        return known.override or f"{strategy}.{known.name}" in self._allowed


def _given(config: Mapping[str, OptionValue], options: Mapping[str, Option], where: str) -> dict[str, OptionValue]:
    """Return what a config says, by the options' own names, without what says nothing."""
    canonical = {alias: known.name for known in options.values() for alias in known.aliases}
    given: dict[str, OptionValue] = {}
    for name, value in config.items():
        known = options.get(canonical.get(name, name))
        if known is None:
            raise ConfigError(f"{where}: unknown option {name[:100]!r}; known are {', '.join(options)}")
        if is_reference(value):
            raise ConfigError(f"{where}: option '{known.name}': a reference is resolved by Kong, not here")
        if not _says_nothing(known, value):
            given[known.name] = value
    return given


def _says_nothing(known: Option, value: OptionValue) -> bool:
    """Whether a value is what counts without it: Kong fills a schema's defaults in before it asks.

    What a reference's query may set is sent only where somebody wrote it (lua/kong_vault_py/request.lua).
    """
    if value == "" or (known.name == "ttl" and value in (0, "0")):
        return True
    return not known.override and known.default is not None and _text(value) == _text(known.default)


def _text(value: object) -> str:
    if isinstance(value, str):
        return {"on": "true", "off": "false"}.get(value, value)
    return json.dumps(int(value) if isinstance(value, float) and value.is_integer() else value)
