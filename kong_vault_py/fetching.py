"""From a parsed reference to the vault's answer: entity, overrides, strategy instance, one fetch under a deadline."""

from __future__ import annotations

import logging
import threading
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from kong_vault_py.entities import EntityDirectory, VaultEntity
from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    SecretNotFoundError,
    StrategyError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.options import Option, StrategyConfig, build_config, options_of
from kong_vault_py.reference import Reference, is_reference
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.base import Fetched, Health, Strategy

__all__ = ["Answer", "Fetcher", "Located"]

log = logging.getLogger(__name__)

#: Clients beyond the resources' number before those without one are closed.
_SPARE_CLIENTS = 8

#: Ignored overrides that are told of, each once; their names are as many as config authors can make up.
_MOST_TOLD = 1000

#: Options of the core, not of the vault: they don't make another client.
_CACHING: dict[str, Any] = {f.name: f.default for f in StrategyConfig.__dataclass_fields__.values()}


class Located(NamedTuple):
    """Where a reference leads: a strategy's name and its effective, validated config."""

    strategy: str
    config: StrategyConfig


@dataclass(frozen=True)
class Answer:
    """What a fetch brought.

    Attributes:
        value: the resource's text, whole.
        ttl_s: what the vault said of its life, in seconds.
        immutable: it will never change (a pinned version of a vault with immutable versions).
        config: the options to keep it by, where who answered knows them; ``None`` for those it was fetched with.
    """

    value: Secret
    ttl_s: float | None
    immutable: bool
    config: StrategyConfig | None = None


class Fetcher:
    """Fetches resources, with one strategy instance (one client, one login) per strategy and config.

    Args:
        directory: the vault entities.
        load_strategy: strategy name -> class.
        allowed_overrides: ``<strategy>.<option>`` that references may set beyond the safe ones.
        resolve: resolves references inside a vault's own config (a token that lives in the env vault).
    """

    def __init__(
        self,
        directory: EntityDirectory,
        load_strategy: Callable[[str], type[Strategy[Any]]],
        allowed_overrides: frozenset[str],
        resolve: Callable[[str], Secret],
    ) -> None:
        self._directory = directory
        self._load_strategy = load_strategy
        self._allowed_overrides = allowed_overrides
        self._resolve = resolve
        self._instances: dict[Located, Strategy[Any]] = {}
        self._at_work: Counter[Located] = Counter()
        self._told: set[tuple[str, str]] = set()
        self._lock = threading.Lock()
        self._resolving = threading.local()

    def locate(self, reference: Reference) -> Located:
        """Return the strategy and config that a reference leads to now.

        Raises:
            ConfigError: the prefix is unknown, an option is wrong, or an override is not allowed.
        """
        entity = self._directory.find(reference.name)
        config_class = self._load_strategy(entity.name).config_class
        options = {known.name: known for known in options_of(config_class)}
        raw = self._with_overrides(entity, reference, options)
        where = f"vault '{entity.prefix}' ({entity.source})"
        return Located(entity.name, build_config(config_class, self._dereferenced(entity, raw), where=where))

    def fetch(self, reference: Reference, located: Located) -> Answer:
        """Fetch the reference's resource from the vault.

        Raises:
            VaultError: whatever the strategy says; a bug in a strategy comes out as StrategyError.
        """
        version = None if reference.version is None else float(reference.version)
        with self._translated(located), self._working(located) as strategy:
            fetched = strategy.fetch(reference.resource, version, timeout_s=located.config.fetch_timeout_s)
        answer = self._answer(located, (reference.resource, version), fetched)
        if isinstance(answer, VaultError):
            raise answer
        return answer

    def check(self, located: Located, *, timeout_s: float) -> Health:
        """Ask the vault how it is."""
        with self._translated(located), self._working(located) as strategy:
            return strategy.check(timeout_s=timeout_s)

    def batch_size(self, located: Located) -> int:
        """Return how many resources one call of this vault brings."""
        return self._load_strategy(located.strategy).batch_size

    def fetch_many(self, references: Sequence[Reference], located: Located) -> list[Answer | VaultError]:
        """Fetch several resources of one vault in one call; the answer of each, or what is wrong with it, in order.

        Raises:
            VaultError: the call as a whole failed.
        """
        wanted = [(found.resource, None if found.version is None else float(found.version)) for found in references]
        with self._translated(located), self._working(located) as strategy:
            answers = strategy.fetch_many(wanted, timeout_s=located.config.fetch_timeout_s)
        return [self._answer(located, pair, answers.get(pair)) for pair in wanted]

    def _answer(self, located: Located, wanted: tuple[str, float | None], fetched: object) -> Answer | VaultError:
        if isinstance(fetched, VaultError):
            return fetched
        if not isinstance(fetched, Fetched) or not isinstance(fetched.value, (str, bytes)):
            return InvalidResponseError(f"strategy '{located.strategy}' answered {type(fetched).__name__}, no Fetched")
        immutable = self._load_strategy(located.strategy).immutable_versions and wanted[1] is not None
        ttl_s = None if fetched.ttl_s != fetched.ttl_s else fetched.ttl_s  # nan is no ttl
        return Answer(Secret(fetched.value), ttl_s, immutable)

    @contextmanager
    def _translated(self, located: Located) -> Iterator[None]:
        """Turn what a strategy lets out into a StrategyError."""
        try:
            yield
        except VaultError:
            raise
        except Exception as error:
            # Its type and place alone: the text of a foreign error may hold anything, in a traceback too.
            places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(error.__traceback__)]
            log.debug("strategy %s broke: %s at %s", located.strategy, type(error).__name__, " < ".join(places[::-1]))
            raise StrategyError(f"strategy '{located.strategy}' failed with {type(error).__name__}") from None

    def crowded(self, resources: int) -> bool:
        """Tell whether there are many more clients than so many resources need."""
        return len(self._instances) > resources + _SPARE_CLIENTS

    def close_unused(self, used: set[Located]) -> None:
        """Close the clients whose config no reference leads to any more."""
        keep = {_identity(located) for located in used}
        with self._lock:
            keep.update(self._at_work)
            gone = [self._instances.pop(key) for key in list(self._instances) if key not in keep]
        for strategy in gone:
            strategy.close()

    @contextmanager
    def _working(self, located: Located) -> Iterator[Strategy[Any]]:
        """Lend the client of a config; it isn't closed meanwhile."""
        key = _identity(located)
        with self._lock:
            found = self._instances.get(key)
            if found is None:
                found = self._instances[key] = self._load_strategy(key.strategy)(key.config)
            self._at_work[key] += 1
        try:
            yield found
        finally:
            with self._lock:
                self._at_work[key] -= 1
                if not self._at_work[key]:
                    del self._at_work[key]

    def _with_overrides(
        self, entity: VaultEntity, reference: Reference, options: Mapping[str, Option]
    ) -> dict[str, object]:
        canonical = {alias: known.name for known in options.values() for alias in known.aliases}
        raw = {canonical.get(name, name): value for name, value in entity.config.items()}
        for written, value in (reference.config or {}).items():
            name = canonical.get(written, written)
            known = options.get(name)
            if known is None:
                # Kong ignores it in silence (kong/pdk/vault.lua, get_vault_config_and_hash).
                self._tell_ignored(entity.prefix, name)
                continue
            if not known.override and f"{entity.name}.{name}" not in self._allowed_overrides:
                raise ConfigError(
                    f"a reference may not set '{name}' of vault '{entity.prefix}'; to allow it: "
                    f"vault_py_allowed_overrides = {entity.name}.{name}"
                )
            raw[name] = value
        return raw

    def _tell_ignored(self, prefix: str, name: str) -> None:
        if (prefix, name) in self._told or len(self._told) >= _MOST_TOLD:
            return
        self._told.add((prefix, name))
        log.warning("vault '%s' has no option '%s': the reference's override is ignored", prefix, name)

    def _dereferenced(self, entity: VaultEntity, raw: Mapping[str, object]) -> dict[str, object]:
        """Resolve references among the config's values; a vault can't be needed to open itself."""
        if not any(is_reference(value) for value in raw.values()):
            return dict(raw)
        open_now: set[str] = getattr(self._resolving, "prefixes", set())
        if entity.prefix in open_now:
            raise ConfigError(f"vault '{entity.prefix}' ({entity.source}): its config refers to itself")
        self._resolving.prefixes = open_now | {entity.prefix}
        try:
            return {
                name: self._resolve(value) if isinstance(value, str) and is_reference(value) else value
                for name, value in raw.items()
            }
        except SecretNotFoundError as error:
            # Its own secrets are not gone: nobody could ask it.
            raise UnavailableError(f"vault '{entity.prefix}' ({entity.source}) can't be asked: {error}") from None
        finally:
            self._resolving.prefixes = open_now


def _identity(located: Located) -> Located:
    return Located(located.strategy, replace(located.config, **_CACHING))
