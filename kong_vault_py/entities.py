"""Vault entities: which strategy, with which config, stands behind a reference's name.

A name is looked up as a vault entity's prefix first (the manager's, then ``vaults:`` of a declarative kong.yml or
decK file), then as a strategy configured by ``vault_<name>_*`` settings, so that ``{vault://hcv/...}`` works without
an entity, as in Kong. Both files are read again when they change; a broken edit keeps the last good state and says so
once.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import yaml
from cachetools import LRUCache

from kong_vault_py.errors import ConfigError, UnknownPrefixError, UnknownStrategyError
from kong_vault_py.options import options_of
from kong_vault_py.reference import Reference
from kong_vault_py.settings import RuntimeSettings, Settings
from kong_vault_py.strategies.base import Strategy
from kong_vault_py.strategies.registry import strategy_names

__all__ = ["EntityDirectory", "EntitySource", "VaultEntity", "read_entities"]

log = logging.getLogger(__name__)

_Stamp = tuple[int, int, int]

#: Configs that came with requests, kept at once: an agent's clients can't make it remember more.
_MOST_ADOPTED = 1000


@dataclass(frozen=True)
class VaultEntity:
    """One configured vault.

    Attributes:
        prefix: the name in references.
        name: the strategy's name.
        config: option name -> value as written; validated when the strategy is built.
        source: where it was written, for messages.
    """

    prefix: str
    name: str
    config: Mapping[str, object] = field(default_factory=dict)
    source: str = "settings"


class EntitySource(Protocol):
    """Where entities come from besides the files: the manager. It goes before them."""

    @property
    def entities(self) -> Mapping[str, VaultEntity]:
        """The entities known now, by prefix."""

    @property
    def version(self) -> object:
        """What is another object whenever anything changed."""

    def find(self, prefix: str) -> VaultEntity | None:
        """Return the entity of a prefix; may wait a moment at the start."""

    def wait(self) -> None:
        """Wait until something is known, or known to be unknown; not for long."""

    def explain(self, prefix: str) -> None:
        """Raise an UnavailableError where the prefix may be unknown only for now."""

    def completed(self, entity: VaultEntity) -> VaultEntity:
        """Return an entity, whoever wrote it, with what the source knows to add."""

    def admit(self, reference: Reference, plugin: str | None) -> None:
        """Raise a PermissionDeniedError where the plugin may not have the reference."""


def read_entities(path: Path) -> dict[str, VaultEntity]:
    """Read the ``vaults:`` of a declarative file; other sections are ignored.

    Raises:
        ConfigError: the file can't be read, isn't YAML, or an entity has no name, no prefix, or a prefix twice.
    """
    try:
        with path.open("rb") as file:
            document = yaml.safe_load(file)
    except OSError as error:
        raise ConfigError(f"entities file {path}: can't read it: {error.strerror}") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f", line {mark.line + 1}" if mark else ""
        raise ConfigError(f"entities file {path}{line}: not valid YAML") from error
    vaults = document.get("vaults") if isinstance(document, dict) else None
    if not isinstance(document, dict) or not isinstance(vaults, (list, type(None))):
        raise ConfigError(f"entities file {path}: expected a mapping with a list 'vaults'")
    found: dict[str, VaultEntity] = {}
    reserved = set(strategy_names()) if vaults else set()
    for number, item in enumerate(vaults or [], 1):
        entity = _entity(item, f"entities file {path}, vault {number}")
        if entity.prefix in reserved:
            # Kong: kong/db/schema/entities/vaults.lua refuses a prefix that is a vault's name.
            raise ConfigError(f"{entity.source}: the prefix '{entity.prefix}' is a strategy's name; choose another")
        if entity.prefix in found:
            raise ConfigError(f"{entity.source}: the prefix '{entity.prefix}' is taken already")
        found[entity.prefix] = entity
    return found


def _entity(item: object, where: str) -> VaultEntity:
    if not isinstance(item, dict):
        raise ConfigError(f"{where}: expected a mapping with name, prefix and config")
    name, prefix, config = item.get("name"), item.get("prefix"), item.get("config") or {}
    if not (isinstance(name, str) and name and isinstance(prefix, str) and prefix):
        raise ConfigError(f"{where}: needs a 'name' (the strategy) and a 'prefix', both strings")
    if not isinstance(config, dict):
        raise ConfigError(f"{where}: 'config' must be a mapping")
    return VaultEntity(prefix, name, config, where)


class EntityDirectory:
    """All vault entities of this process, and the notice of their change.

    Args:
        settings: the settings as loaded at start.
        load_strategy: strategy name -> class (raises UnknownStrategyError).
        source: where entities come from besides.
    """

    def __init__(
        self,
        settings: Settings,
        load_strategy: Callable[[str], type[Strategy[Any]]],
        source: EntitySource | None = None,
    ) -> None:
        self._settings = settings
        self._load_strategy = load_strategy
        self._source = source
        self._source_version = source.version if source else None
        self._shadowed: set[str] = set()
        self._polling = threading.Lock()
        declared = settings.runtime.entities
        self._declared = Path(declared) if declared else None
        self._stamps = self._look()
        self._adopted: LRUCache[str, VaultEntity] = LRUCache(maxsize=_MOST_ADOPTED)
        self._adopted_lock = threading.Lock()
        self._adopting = os.urandom(32)
        self._entities = read_entities(self._declared) if self._declared else {}

    @property
    def watched(self) -> list[Path]:
        """The files whose change is noticed."""
        return [path for path in (self._settings.path, self._declared) if path is not None]

    def find(self, name: str) -> VaultEntity:
        """Return the entity behind a reference's name.

        Raises:
            UnknownPrefixError: neither an entity's prefix nor a strategy.
        """
        entity = self._declared_as(name)
        if entity is not None:
            return entity if self._source is None else self._source.completed(entity)
        try:
            strategy = self._load_strategy(name)
        except UnknownStrategyError as error:
            if self._source is not None:
                self._source.explain(name)
            prefixes = ", ".join(self._prefixes()) or "none configured"
            raise UnknownPrefixError(
                f"no vault entity has the prefix '{name}' (prefixes: {prefixes}), "
                f"and no strategy that name ({', '.join(strategy_names())})"
            ) from error
        entity = VaultEntity(name, name, self._by_name(name, strategy))
        return entity if self._source is None else self._source.completed(entity)

    def admit(self, reference: Reference, plugin: str | None = None) -> None:
        """Check whether a reference may be resolved here.

        Args:
            reference: any.
            plugin: the plugin whose config holds it; ``None`` where that isn't known.

        Raises:
            PermissionDeniedError: the manager's policies don't allow it.
        """
        if self._source is not None:
            self._source.admit(reference, plugin)

    def _declared_as(self, name: str) -> VaultEntity | None:
        """Return what the manager, the file or a request calls so."""
        # A strategy's name is no prefix, and needs no manager.
        if self._source is not None and name not in strategy_names():
            found = self._source.find(name)
            if found is not None:
                return found
        entity = self._entities.get(name)
        if entity is None:
            with self._adopted_lock:
                entity = self._adopted.get(name)
        return entity

    def _prefixes(self) -> dict[str, VaultEntity]:
        """Return the entities by prefix: the manager's before the file's."""
        managed = self._source.entities if self._source else {}
        return {**self._entities, **managed}

    def adopt(self, entity: VaultEntity) -> str:
        """Take in an entity that came with a request, and return the name by which references reach it.

        The name tells nothing of the config, and nobody can guess it. The one unused for longest makes room.

        Raises:
            ConfigError: its config is no JSON data.
        """
        try:
            told = json.dumps([entity.name, entity.config], sort_keys=True, allow_nan=False)
        except (TypeError, ValueError):
            raise ConfigError(f"{entity.source}: the config of a vault must be plain data") from None
        digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), key=self._adopting, digest_size=16)
        name = f"{entity.name}-{digest.hexdigest()}"
        with self._adopted_lock:
            self._adopted[name] = entity
        return name

    def all(self) -> list[VaultEntity]:
        """Return the declared entities, then the strategies that settings configure by name."""
        declared = self._prefixes()
        by_name = [self.find(name) for name in self._configured() if name not in declared]
        return [*declared.values(), *by_name]

    def strategies_in_use(self) -> list[str]:
        """Return the names of the strategies that entities name, or settings configure."""
        if self._source is not None:
            self._source.wait()
        return sorted({*self._configured(), *(entity.name for entity in self._prefixes().values())})

    def _configured(self) -> list[str]:
        """Return the names of the strategies that settings configure."""
        keys = self._settings.values
        names = strategy_names()
        return [name for name in names if any(key.startswith(f"vault_{name}_".replace("-", "_")) for key in keys)]

    def poll(self) -> bool:
        """Read the files again if one changed; tell whether anything may be different now. Never raises."""
        with self._polling:
            read = self._read_changed()
            return self._source_changed() or read

    def _read_changed(self) -> bool:
        stamps = self._look()
        if stamps == self._stamps:
            return False
        self._stamps = stamps
        try:
            settings = Settings.load(self._settings.path) if self._settings.path else self._settings
            entities = read_entities(self._declared) if self._declared else {}
        except ConfigError as error:
            log.error("%s; going on with what was read before", error)
            return False
        _tell_fixed(self._settings.runtime, settings.runtime)
        self._settings, self._entities = settings, entities
        log.info("vault entities read again: %d from %s", len(entities), self._declared or "no file")
        return True

    def _source_changed(self) -> bool:
        if self._source is None:
            return False
        shadowed = self._entities.keys() & self._source.entities.keys()
        for prefix in sorted(shadowed - self._shadowed):
            log.warning("vault '%s': the manager's counts, not that of %s", prefix, self._declared)
        self._shadowed = shadowed
        version, self._source_version = self._source_version, self._source.version
        return version is not self._source_version

    def _by_name(self, name: str, strategy: type[Strategy[Any]]) -> dict[str, object]:
        """Collect ``vault_<name>_<option>`` as Kong does (get_vault_name_and_config_by_name): dashes to underscores."""
        config: dict[str, object] = {}
        for known in options_of(strategy.config_class):
            for spelling in (known.name, *known.aliases):
                value = self._settings.values.get(f"vault_{name}_{spelling}".replace("-", "_").lower())
                if value is not None:
                    config[known.name] = value
        return config

    def _look(self) -> dict[Path, _Stamp | None]:
        return {path: _stamp(path) for path in self.watched}


def _tell_fixed(old: RuntimeSettings, new: RuntimeSettings) -> None:
    """Say which changed settings this process doesn't take up: whoever closed something must not think it is closed."""
    changed = [f"vault_py_{known.name}" for known in options_of(RuntimeSettings) if _differ(old, new, known.name)]
    if changed:
        log.warning("changed settings: %s takes effect at the next start", ", ".join(changed))


def _differ(old: RuntimeSettings, new: RuntimeSettings, name: str) -> bool:
    return bool(getattr(old, name) != getattr(new, name))


def _stamp(path: Path) -> _Stamp | None:
    """Identify a file's state: a rename over it, a write to it and a swapped symlink all change this."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
