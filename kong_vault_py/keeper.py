"""Keeps resources: tracks which are in use, fetches each once at a time, refreshes them, notices changed entities."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from kong_vault_py.cache import SecretCache
from kong_vault_py.entities import EntityDirectory
from kong_vault_py.errors import ConfigError, PermissionDeniedError, UnknownPrefixError, VaultError
from kong_vault_py.fetching import Answer, Fetcher, Located
from kong_vault_py.flight import Flights
from kong_vault_py.options import StrategyConfig
from kong_vault_py.reference import Reference, parse_reference
from kong_vault_py.resources import Resource, resource_key, shown
from kong_vault_py.rotation import Rotation
from kong_vault_py.status import FetchEvent, Observer, ResourceStatus

__all__ = ["Keeper", "Pace"]

log = logging.getLogger(__name__)

#: After a forced refresh that brought nothing new, the next one waits: wrong credentials are not the vault's fault.
_FORCED_PAUSE_S = 1.0


@dataclass(frozen=True)
class Pace:
    """How the keeper works through time.

    Attributes:
        clock: monotonic seconds.
        jitter: the share of a ttl by which the next refresh comes earlier; called for each.
        spread: the largest such share.
        workers: background refreshes at once.
        background: whether there are any.
        reload_interval_s: between looks at the watched files.
    """

    clock: Callable[[], float]
    jitter: Callable[[], float]
    spread: float
    workers: int
    background: bool
    reload_interval_s: float


class Keeper:
    """Fills the cache and keeps it fresh.

    Args:
        cache: where values and misses go.
        directory: the vault entities, watched for change.
        fetcher: brings one answer.
        pace: clock, jitter, workers.
        observer: hears of every fetch.
    """

    def __init__(
        self,
        cache: SecretCache,
        directory: EntityDirectory,
        fetcher: Fetcher,
        pace: Pace,
        observer: Observer | None = None,
    ) -> None:
        self._cache = cache
        self._directory = directory
        self._fetcher = fetcher
        self._pace = pace
        self._clock = pace.clock
        self._observer = observer
        self.generation = 0
        self.fetches = 0
        self.failures = 0
        self._resources: dict[Hashable, Resource] = {}
        self._lock = threading.RLock()
        self._flights = Flights(pace.clock)
        watched = bool(directory.watched)
        self._rotation: Rotation[Hashable] = Rotation(
            self._refresh,
            clock=pace.clock,
            workers=pace.workers,
            poll=self.reload if watched else None,
            poll_interval_s=pace.reload_interval_s,
        )
        if watched and pace.background:
            self._rotation.start()

    def bring(self, reference: str) -> VaultError | None:
        """Bring a reference's value into the cache, by one fetch that all who wait for it share.

        Returns:
            ``None`` where a value or a miss is in the cache now, else why there is neither.

        Raises:
            InvalidReferenceError: no reference.
            ConfigError: its vault is unknown or wrongly configured.
        """
        parsed = parse_reference(reference)
        generation = self.generation
        self._admit(parsed)
        key, resource = self._track(reference, parsed)
        if not self._take_from_answer(resource, reference):
            self._flights.run(key, lambda: self._fetch(key, resource))
        if generation != self.generation:
            self._drop_refused(key, resource)  # it may have got in behind reload's back
        return None if reference in self._cache.entries else resource.error

    def force(self, references: Iterable[str], *, since: float) -> bool:
        """Refresh the references' resources, but for those refreshed after ``since``, or lately without news.

        Returns:
            Whether any of them is fresher than ``since`` now.

        Raises:
            VaultError: a reference is wrong, or its vault's config is.
        """
        parsed = {reference: parse_reference(reference) for reference in references}
        for found in parsed.values():
            self._directory.admit(found)
        resources = dict(self._track(reference, found) for reference, found in parsed.items())
        fresher = False
        for key, resource in resources.items():
            try:
                fresher |= self._force(key, resource, since)
            except UnknownPrefixError:
                continue  # a vault that only Kong knows: its value stands (Plan.given_by_kong)
        return fresher

    def resource(self, reference: str) -> Resource | None:
        """Return what is kept for a reference."""
        return self._resources.get(resource_key(parse_reference(reference)))

    def statuses(self) -> tuple[ResourceStatus, ...]:
        """Say how every resource stands now."""
        now = self._clock()
        with self._lock:
            return tuple(resource.status(self._cache, now) for resource in self._resources.values())

    def rotate(self) -> int:
        """Refresh what is due, here and now; return how many resources that were."""
        return self._rotation.run_due()

    def reload(self) -> None:
        """Take in changed entities: forget what may not be resolved any more, refresh what leads elsewhere now."""
        if not self._directory.poll():
            return
        with self._lock:
            self.generation += 1
            self._cache.clear_misses()
            resources = list(self._resources.items())
        for key, resource in resources:
            self._drop_refused(key, resource)
            if resource.references and self._moved(resource):
                self._schedule(key, self._clock())

    def flush(self) -> None:
        """Forget every resource, value and miss."""
        with self._lock:
            for key in self._resources:
                self._rotation.cancel(key)
            self._resources.clear()
            self._cache.clear()

    def close(self) -> None:
        """Stop refreshing, forget everything, close the vaults' clients."""
        self._rotation.close()
        self.flush()
        self._fetcher.close_unused(set())

    def _admit(self, parsed: Reference) -> None:
        """Check that a reference leads somewhere, and that it may.

        Raises:
            UnknownPrefixError: it leads nowhere.
            PermissionDeniedError: it may not.
        """
        self._directory.find(parsed.name)
        self._directory.admit(parsed)

    def _drop_refused(self, key: Hashable, resource: Resource) -> None:
        """Forget the references that may not be resolved any more, with their values."""
        for reference in list(resource.references):
            try:
                self._admit(parse_reference(reference))
            except (UnknownPrefixError, PermissionDeniedError) as error:
                with self._lock:
                    self._cache.drop(reference)
                    resource.references.pop(reference, None)
                log.info("%s: %s", shown(reference), error)
            except VaultError:
                continue
        with self._lock:
            if not resource.references and self._resources.get(key) is resource:
                del self._resources[key]
                self._rotation.cancel(key)

    def _track(self, reference: str, parsed: Reference) -> tuple[Hashable, Resource]:
        key = resource_key(parsed)
        with self._lock:
            resource = self._resources.get(key)
            if resource is None:
                resource = self._resources[key] = Resource(parsed)
            resource.references[reference] = parsed.key
        return key, resource

    def _take_from_answer(self, resource: Resource, reference: str) -> bool:
        """Serve a further key of a resource that is kept already, without a fetch."""
        with self._lock:
            if resource.answer is None or resource.failures or reference in self._cache.entries:
                return False
            if self._clock() >= resource.serve_until:
                return False
            try:
                secret = resource.extract(reference)
            except VaultError:
                return False  # the key may have been added since: ask the vault
            self._make_room(self._cache.put(reference, secret, resource.serve_until))
            return True

    def _fetch(self, key: Hashable, resource: Resource) -> None:
        """Fetch a resource into the cache and schedule its next refresh. Runs in flight: once at a time per key."""
        began = self._clock()
        located = resource.located
        try:
            located = self._fetcher.locate(resource.reference)
            outcome: Answer | VaultError = self._fetcher.fetch(resource.reference, located)
        except VaultError as error:
            outcome = error
        self._settle(key, resource, located, outcome, began)
        if isinstance(outcome, ConfigError):
            raise outcome

    def _fetch_together(self, located: Located, keys: list[Hashable]) -> None:
        """Fetch resources of one vault in one call. What someone else fetches now is left to them."""
        with self._flights.lead(keys) as led:
            resources = {key: found for key in led if (found := self._resources.get(key)) is not None}
            if not resources:
                return
            began = self._clock()
            try:
                outcomes = self._fetcher.fetch_many([found.reference for found in resources.values()], located)
            except VaultError as error:
                outcomes = [error] * len(resources)
            for (key, resource), outcome in zip(resources.items(), outcomes, strict=True):
                self._settle(key, resource, located, outcome, began)

    def _settle(
        self,
        key: Hashable,
        resource: Resource,
        located: Located | None,
        outcome: Answer | VaultError,
        began: float,
    ) -> None:
        """Put what a fetch brought into the cache, and schedule the next one."""
        self._tell(resource, located, outcome, began)
        if isinstance(outcome, VaultError):
            self._failed(key, resource, outcome, located.config if located else StrategyConfig())
            return
        assert located is not None, "what was fetched came from somewhere"
        if outcome.config is not None:
            located = located._replace(config=outcome.config)
        with self._lock:
            if self._resources.get(key) is not resource:
                return  # flushed meanwhile
            moved = resource.located not in (None, located)
            self._make_room(resource.accept(outcome, located, self._cache, began))
            refresh_at = resource.refresh_at(self._pace.jitter())
            if not resource.references:
                del self._resources[key]
                refresh_at = None
        if refresh_at is None:
            resource.due_at = None
            self._rotation.cancel(key)
        else:
            self._schedule(key, refresh_at)
        if moved or self._fetcher.crowded(len(self._resources)):
            self._close_unused()

    def _tell(self, resource: Resource, located: Located | None, outcome: Answer | VaultError, began: float) -> None:
        """Count a fetch, and tell the observer."""
        failed = isinstance(outcome, VaultError)
        self.fetches += 1
        self.failures += failed
        if self._observer is None:
            return
        before, due_at = resource.answer, resource.due_at
        self._observer.fetched(
            FetchEvent(
                strategy=located.strategy if located else None,
                prefix=resource.reference.name,
                reference=shown(resource.name),
                outcome=type(outcome).__name__ if failed else "ok",
                duration_s=self._clock() - began,
                changed=isinstance(outcome, Answer) and before is not None and before.value != outcome.value,
                late_s=None if due_at is None else max(0.0, began - due_at),
            )
        )

    def _failed(self, key: Hashable, resource: Resource, error: VaultError, config: StrategyConfig) -> None:
        with self._lock:
            now = self._clock()
            serves = resource.refuse(error, config, self._cache, now)
            if not serves:
                self._resources.pop(key, None)
                self._rotation.cancel(key)
        if serves:
            self._schedule(key, resource.retry_at(now))
        elif self._fetcher.crowded(len(self._resources)):
            self._close_unused()

    def _force(self, key: Hashable, resource: Resource, since: float) -> bool:
        if resource.fetched_at > since:
            return True
        if self._clock() < resource.forced_until:
            return False
        before = resource.answer

        def fetch() -> None:
            if resource.fetched_at > since:
                return  # another caller's refresh ended between the look above and here
            self._fetch(key, resource)
            news = before is None or resource.answer is None or before.value != resource.answer.value
            if resource.failures or not news:
                resource.forced_until = self._clock() + _FORCED_PAUSE_S

        self._flights.run(key, fetch, since=since)
        return True

    def _refresh(self, key: Hashable) -> None:
        resource = self._resources.get(key)
        if resource is None:
            return
        companions = self._companions(resource)
        if companions and resource.located is not None:
            self._fetch_together(resource.located, [key, *companions])
            return
        try:
            self._flights.run(key, lambda: self._fetch(key, resource))
        except ConfigError:
            return  # noted by _failed; requests are told by their own get

    def _companions(self, resource: Resource) -> list[Hashable]:
        """Take out of the schedule what is due about now and comes in the same call as this resource."""
        located = resource.located
        most = 1 if located is None or resource.failures else self._fetcher.batch_size(located)
        if located is None or most < 2 or self._moved(resource):
            return []

        def comes_along(key: Hashable) -> bool:
            other = self._resources.get(key)
            return other is not None and other.located == located and not other.failures

        before = self._clock() + self._pace.spread * resource.fresh_s
        return self._rotation.take(comes_along, before=before, most=most - 1)

    def _moved(self, resource: Resource) -> bool:
        try:
            return self._fetcher.locate(resource.reference) != resource.located
        except VaultError:
            return True

    def _make_room(self, evicted: list[str]) -> None:
        for reference in evicted:
            key = resource_key(parse_reference(reference))
            resource = self._resources.get(key)
            if resource is not None:
                resource.references.pop(reference, None)
                if not resource.references:
                    del self._resources[key]
                    self._rotation.cancel(key)

    def _schedule(self, key: Hashable, at: float) -> None:
        resource = self._resources.get(key)
        if resource is not None:
            resource.due_at = at
        self._rotation.schedule(key, at, start=self._pace.background)

    def _close_unused(self) -> None:
        with self._lock:
            used = {found.located for found in self._resources.values() if found.located is not None}
        self._fetcher.close_unused(used)
