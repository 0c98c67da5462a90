"""The resolver: one object that turns references into secrets, keeps them, and keeps them fresh.

It composes ``entities`` (where a reference leads), ``fetching`` (one answer from a vault), ``cache`` (what is kept) and
``keeper`` (what keeps it fresh, on ``flight`` and ``rotation``).
"""

from __future__ import annotations

import contextlib
import importlib
import random
import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from kong_vault_py.bulk import Fetches, get_all
from kong_vault_py.cache import SecretCache
from kong_vault_py.entities import EntityDirectory, VaultEntity
from kong_vault_py.errors import ConfigError, InvalidReferenceError, UnknownPrefixError, VaultError
from kong_vault_py.fetching import Fetcher
from kong_vault_py.keeper import Keeper, Pace
from kong_vault_py.options import StrategyConfig
from kong_vault_py.plan import Plan
from kong_vault_py.reference import Reference, is_reference, parse_reference, reference_text, whole_reference
from kong_vault_py.resources import shown
from kong_vault_py.secret import Secret
from kong_vault_py.settings import RuntimeSettings, Settings
from kong_vault_py.status import Counts, Lookup, Observer, VaultStatus
from kong_vault_py.strategies.base import Health, HealthStatus, Strategy
from kong_vault_py.strategies.registry import load_strategy

if TYPE_CHECKING:
    from kong_vault_py.data_plane import DataPlane

__all__ = ["Vault"]

R = TypeVar("R")

#: Fetches that a command or a start may have under way; refreshes, which nobody waits for, are fewer.
_AT_ONCE = 16


class Vault:
    """Resolves ``{vault://...}`` references, with a cache per process that refreshes itself.

    Args:
        settings: where vaults are and who we are to them; ``None`` reads the settings file and the environment.
        clock: monotonic seconds; tests tick their own.
        strategies: strategy name -> class; ``None`` for the installed ones.
        background: refresh in threads; without, nothing is refreshed but by :meth:`rotate`.
        jitter: a number in [0, 1) for each refresh, times the settings' ``rotation_jitter``.
        observer: hears of every fetch.

    Raises:
        ConfigError: the settings or the entities file are wrong.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        clock: Callable[[], float] = time.monotonic,
        strategies: Callable[[str], type[Strategy[Any]]] = load_strategy,
        background: bool = True,
        jitter: Callable[[], float] = random.random,
        observer: Observer | None = None,
    ) -> None:
        settings = settings or Settings.load()
        runtime = settings.runtime
        allowed = frozenset(name.strip() for name in runtime.allowed_overrides.split(",") if name.strip())
        pace = Pace(
            clock=clock,
            jitter=lambda: runtime.rotation_jitter * jitter(),
            spread=runtime.rotation_jitter,
            workers=runtime.rotation_workers,
            background=background,
            reload_interval_s=runtime.reload_interval_s,
        )
        self._data_plane = self._node_of(runtime)
        if self._data_plane is not None:
            observer = self._data_plane.observer(observer)
        directory = EntityDirectory(settings, strategies, self._data_plane.entities if self._data_plane else None)
        fetcher = Fetcher(directory, strategies, allowed, self.get)
        if runtime.agent is not None:
            from kong_vault_py.second_level import behind_agent  # brings HTTP along

            directory, fetcher = behind_agent(settings, strategies)
            pace = replace(pace, jitter=lambda: 0.0, spread=0.0)  # the agent spreads its refreshes; ours follow them
        self._directory = directory
        self._strategies = strategies
        self._clock = clock
        self._workers = runtime.rotation_workers
        self._cache = SecretCache(runtime.cache_max_entries)
        self._entries = self._cache.entries
        self._misses = 0
        self._fetcher = fetcher
        self._keeper = Keeper(self._cache, directory, self._fetcher, pace, observer)
        if self._data_plane is not None and background:
            self._data_plane.start(self._entities_changed)

    def get(self, reference: str) -> Secret:
        """Return the secret that a reference stands for: from the cache, or else from its vault.

        Args:
            reference: the whole text, ``{vault://<prefix>/<resource>[/<key>][?config][#version]}``.

        Raises:
            InvalidReferenceError: the text is no reference.
            ConfigError: its vault is unknown or wrongly configured.
            SecretNotFoundError: the vault has no such secret, version or key.
            StrategyError: the vault could not be asked and no value is left to serve.
        """
        entry = self._entries.get(reference)
        if entry is not None and self._clock() < entry.serve_until:
            entry.hits += 1
            return entry.secret
        return self._get_uncached(reference)

    def lookup(self, reference: str) -> Lookup:
        """Return a reference's secret as :meth:`get` does, with what is known of it.

        Raises:
            VaultError: see :meth:`get`.
        """
        entry = self._entries.get(reference)
        cached = entry is not None and self._clock() < entry.serve_until
        secret = self.get(reference)
        parsed = parse_reference(reference)
        resource, now = self._keeper.resource(reference), self._clock()
        located = resource.located if resource else None
        answer = resource.answer if resource else None
        if resource is None or located is None or answer is None:  # flushed since
            return Lookup(secret, parsed.name, parsed.name, parsed.version, 0.0, 0.0, False, False)
        return Lookup(
            secret,
            strategy=located.strategy,
            prefix=parsed.name,
            version=parsed.version,
            age_s=max(0.0, now - resource.fetched_at),
            ttl_s=None if resource.due_at is None else max(0.0, resource.due_at - now),
            cached=cached,
            immutable=answer.immutable,
        )

    def lookup_in(self, entity: VaultEntity, resource: str, version: float | int | None = None) -> Lookup:
        """Return a whole resource of a vault that no settings name: its strategy and config come with the request.

        It is cached and refreshed like any other.

        Raises:
            VaultError: see :meth:`get`.
        """
        name = self._directory.adopt(entity)
        try:
            found = self.lookup(reference_text(Reference(name, resource, version=version)))
        except VaultError as error:
            raise type(error)(str(error).replace(name, entity.prefix)) from None
        return found._replace(prefix=entity.prefix)

    def lookup_whole(self, reference: str) -> tuple[Lookup, StrategyConfig]:
        """Return a reference's whole resource as its vault has it, and the options by which it is kept.

        That is what a cache in front of this one needs: it takes keys, and decodes base64, by itself.

        Raises:
            VaultError: see :meth:`get`.
        """
        try:
            parsed = parse_reference(reference)
        except InvalidReferenceError as error:
            raise InvalidReferenceError(str(error).partition(" [")[0]) from None
        whole = whole_reference(replace(parsed, key=None))
        kept = self._keeper.resource(whole)
        located = kept.located if kept and kept.located else self._fetcher.locate(parsed)
        if located.config.base64_decode:
            raw = {name: value for name, value in (parsed.config or {}).items() if name != "decode_base64"}
            whole = whole_reference(replace(parsed, key=None, config={**raw, "base64_decode": "false"}))
        return self.lookup(whole), located.config

    def resolve(self, value: Any) -> Any:
        """Return a copy of ``value`` (nested mappings, lists, strings) with every reference replaced by its secret.

        Raises:
            VaultError: see :meth:`get`.
        """
        return self.update(Plan.of(value))

    def plan(self, config: Any) -> Plan:
        """Scan a plugin's config once, for :meth:`update` and :meth:`try_`. Fetches nothing."""
        return Plan.of(config)

    def update(self, plan: Plan) -> Any:
        """Return the plan's config with current secrets: the same object as before while no value changed.

        Raises:
            VaultError: a reference can't be resolved; nothing is ever left empty instead.
        """
        resolved, get = plan.resolved, self.get
        if resolved is None or plan.generation != self._keeper.generation:
            return self._resolved(plan)
        try:
            for reference, secret in plan.pairs:
                if get(reference) is not secret:
                    return self._resolved(plan)
        except UnknownPrefixError:
            return self._resolved(plan)  # where Kong's own value may do
        return resolved

    def try_(
        self,
        callback: Callable[[Any], R],
        plan: Plan,
        *,
        retry_on: type[Exception] | tuple[type[Exception], ...] = Exception,
    ) -> R:
        """Call ``callback`` with the current config; if it raises, refresh the references once and call it again.

        That is how a rotated password is picked up between two refreshes. Callers that fail together share one
        refresh, and a refresh that brought nothing new isn't repeated for a second.

        Args:
            callback: gets the resolved config; is called once or twice.
            plan: the config's plan.
            retry_on: the exceptions that may mean stale secrets; others are raised at once.

        Raises:
            VaultError: a reference can't be resolved.
            Exception: what the last call raised.
        """
        config = self.update(plan)
        began = self._clock()
        try:
            return callback(config)
        except retry_on:
            refreshed_meanwhile = self.update(plan) is not config
            if not refreshed_meanwhile and not self._keeper.force(plan.references, since=began):
                raise
        return callback(self.update(plan))

    def warmup(self, references: Plan | Iterable[str]) -> dict[str, VaultError]:
        """Fetch many references at once, each resource one time, and return the failures by reference.

        Never raises a :class:`VaultError`: a warm-up that stopped the start would make one broken vault everyone's.
        """
        wanted = references.references if isinstance(references, Plan) else references
        return get_all(self.get, wanted, at_once=self._workers).failures

    def get_all(self, references: Iterable[str], *, progress: Callable[[int, int], None] | None = None) -> Fetches:
        """Get many references for one use: 16 fetches at a time, each resource one time.

        Args:
            references: which; duplicates count once.
            progress: hears how many of how many are done.
        """
        return get_all(self.get, references, at_once=_AT_ONCE, progress=progress)

    def preload(self) -> None:
        """Import the SDKs of the configured vaults now, so that no request waits for an import later.

        What is missing is told by the first reference that needs it.
        """
        for name in self._directory.strategies_in_use():
            try:
                modules = self._strategies(name).sdk
            except ConfigError:
                continue
            for module in modules:
                with contextlib.suppress(ImportError):
                    importlib.import_module(module)

    def entities(self) -> list[VaultEntity]:
        """Return the vault entities: the declared ones, and the strategies that settings configure by name."""
        return self._directory.all()

    def check(self, prefix: str, *, timeout_s: float = 5.0) -> Health:
        """Ask the vault behind a prefix, or a strategy's name, how it is. Never raises a :class:`VaultError`."""
        try:
            return self._fetcher.check(self._fetcher.locate(Reference(prefix, "")), timeout_s=timeout_s)
        except VaultError as error:
            return Health(HealthStatus.UNKNOWN, " ".join(str(error).split()))

    def status(self) -> VaultStatus:
        """Say how every resource stands, and what was counted since the start."""
        keeper, cache = self._keeper, self._cache
        counts = Counts(cache.hits, self._misses, keeper.fetches, keeper.failures, cache.evictions)
        manager = self._data_plane.status() if self._data_plane else None
        return VaultStatus(counts, keeper.statuses(), manager)

    def rotate(self) -> int:
        """Refresh now what is due, in the caller's thread, and say how many resources that were."""
        return self._keeper.rotate()

    def reload(self) -> None:
        """Read changed settings and entities files now; in the background that happens by itself every second."""
        self._keeper.reload()

    def flush(self) -> None:
        """Forget every value and miss; the next :meth:`get` asks the vault."""
        self._keeper.flush()

    def close(self) -> None:
        """Stop refreshing, close the vaults' clients and forget every value. Safe to call twice."""
        if self._data_plane is not None:
            self._data_plane.close()
        self._keeper.close()

    def __enter__(self) -> Vault:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _node_of(self, runtime: RuntimeSettings) -> DataPlane | None:
        """Return the node's part of a manager, where the settings name one."""
        if runtime.manager_url is None:
            return None
        from kong_vault_py.data_plane import DataPlane  # brings HTTP along

        return DataPlane(
            runtime,
            resolve=self.get,
            status=self.status,
            hits=lambda: {reference: entry.hits for reference, entry in list(self._entries.items())},
            takes_entities=runtime.agent is None,
        )

    def _entities_changed(self) -> None:
        self._keeper.reload()
        self.preload()

    def _get_uncached(self, reference: str) -> Secret:
        self._misses += 1
        if not is_reference(reference):
            # Kong's text for this repeats its input, which may be the secret itself, put where a reference should be.
            raise InvalidReferenceError("not a reference: expected {vault://<prefix>/<resource>[/<key>]}")
        while True:
            miss = self._cache.miss(reference)
            if miss is not None and self._clock() < miss.until:
                raise _named(miss.error, reference)
            try:
                error = self._keeper.bring(reference)
            except InvalidReferenceError as raised:
                # Without the reference's query, which may hold a credential; nor may the cause show it.
                raise _named(InvalidReferenceError(str(raised).partition(" [")[0]), reference) from None
            except VaultError as raised:
                raise _named(raised, reference) from raised
            entry = self._entries.get(reference)
            if entry is not None:
                return entry.secret
            if error is not None:
                raise _named(error, reference) from error
            miss = self._cache.miss(reference)
            if miss is not None:
                raise _named(miss.error, reference)
            # Neither value nor miss: flushed or evicted while we waited. Ask again.

    def _resolved(self, plan: Plan) -> Any:
        secrets: dict[str, Secret] = {}
        generation = self._keeper.generation
        if plan.plugin is not None and self._data_plane is not None:
            self._data_plane.usage.note(plan.plugin, plan.references)
        for reference in plan.references:
            try:
                if plan.plugin is not None:
                    self._directory.admit(parse_reference(reference), plan.plugin)
                secrets[reference] = self.get(reference)
            except UnknownPrefixError:
                if not plan.given_by_kong(reference):
                    raise
        resolved = plan.filled(secrets)
        # In this order: a request between the two finds old pairs, and resolves once more.
        plan.resolved, plan.pairs, plan.generation = resolved, tuple(secrets.items()), generation
        return resolved


def _named(error: VaultError, reference: str) -> VaultError:
    """Return a fresh error of the same class that says which reference it is about."""
    name = shown(reference)
    text = " ".join(str(error).split())
    return type(error)(text if name in text else f"{name}: {text}")
