"""One model of two resolvers: with no deviation it is Kong's, with all of them it is ours, by our documentation.

Every switch (``self.on(name)``) is a deviation of ``scenario_deviations``. The test holds the model against the
recordings with none, against our ``Vault`` with all, and finds for each step that differs which ones make the
difference. The model shares no code with the resolver but the parser of references, which vectors of its own prove.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

from tests.unit.scenario_config import (
    FOREVER,
    BrokeError,
    Located,
    ProblemError,
    Slot,
    kongs_slots,
    lifetime,
    locate,
    miss_config,
    our_slots,
    parse,
    value_of,
)
from tests.unit.scenario_world import Answer, Backend, Callback, CallbackBrokeError, CallbackFailedError

Outcome = tuple[Any, ...]
NIL: Outcome = ("nil",)
BROKE: Outcome = ("raised",)
ABSENT = ("SecretNotFoundError", "KeyNotFoundError")


@dataclass
class Entry:
    """What a cache knows of a reference: a value, or (``None``) why there is none; dead at ``ends``."""

    value: str | None
    ends: float
    kind: str = ""
    failures: int = 0


@dataclass
class Resource:
    """What is fetched in one go, for which references."""

    references: list[str] = field(default_factory=list)
    located: Located | None = None
    answer: str | None = None
    ends: float = 0
    due: float | None = None
    moved: bool = False
    failures: int = 0


class Model:
    """Plays a case's steps; ``deviations`` are the switches that are on."""

    def __init__(self, setup: dict[str, Any], deviations: frozenset[str]) -> None:
        self.setup = setup
        self.on = deviations.__contains__
        self.backend = Backend()
        self.entities = dict(setup["vault_entities"])
        self.two_ticks = 2 * setup["rotation_interval"]
        self.now = 0.0
        self.phase: str | None = None
        self.workers = 1
        self.shared: dict[int, dict[Any, Entry]] = {}
        self.copies: dict[int, dict[str, Entry]] = {}
        self.resources: dict[int, dict[Any, Resource]] = {}
        self.timers: list[str] = ["init"] if setup["init_timer_kept"] else []
        self.postponed: list[str] = []
        self.entities_changed = False

    # Where things are

    def cache(self, worker: int) -> dict[Any, Entry]:
        return self.shared.setdefault(worker if self.on("process-cache") else 0, {})

    def known(self, worker: int) -> dict[Any, Resource]:
        return self.resources.setdefault(worker if self.on("process-cache") else 0, {})

    def locate(self, reference: str) -> Located:
        return locate(self.setup, self.entities, reference, self.on)

    def key(self, reference: str) -> Any:
        return reference if self.on("entities-watched") else (self.locate(reference).hash, reference)

    def resource(self, worker: int, reference: str) -> Resource:
        parsed = parse(reference)
        key: Any = reference
        if self.on("keys-of-one-fetch"):
            key = (parsed.name, parsed.resource, parsed.version, repr(sorted((parsed.config or {}).items())))
        elif not self.on("entities-watched"):
            key = self.key(reference)
        found = self.known(worker).setdefault(key, Resource())
        if reference not in found.references:
            found.references.append(reference)
        return found

    # Reading

    def cached(self, worker: int, reference: str, *, copies: bool = True) -> Entry | None:
        copy_ = None if self.on("process-cache") else self.copies.setdefault(worker, {}).get(reference)
        if copy_ is not None and self.now <= copy_.ends:
            return copy_
        entry = self.cache(worker).get(self.key(reference))
        if entry is None or self.now >= entry.ends:
            return None
        if entry.value is not None and copies and not self.on("process-cache"):
            resurrect = self.locate(reference).config.get("resurrect_ttl")
            left = entry.ends - self.now - (FOREVER if resurrect is None else resurrect)
            if left > 0:
                self.copies[worker][reference] = Entry(entry.value, self.now + left)
        return entry

    def told(self, entry: Entry) -> Outcome:
        if entry.value is not None:
            return ("value", entry.value)
        return ("error", entry.kind) if self.on("reason-told-again") else NIL

    def get(self, worker: int, reference: str, *, past_cache: bool = False) -> Outcome:
        try:
            entry = None if past_cache else self.cached(worker, reference)
            if entry is not None:
                return self.told(entry)
            self.locate(reference)
            if self.phase == "init_worker" and not self.on("no-phases"):
                self.postponed.append(reference)
                return ("value", "")
            return self.fetch_for(worker, reference)
        except ProblemError as problem:
            if self.phase == "init" and problem.kind == "UnknownPrefixError" and not self.on("no-phases"):
                self.postponed.append(reference)
                return ("value", "")
            return ("error", problem.kind)
        except BrokeError:
            return BROKE

    def fetch_for(self, worker: int, reference: str) -> Outcome:
        resource = self.resource(worker, reference)
        fresh_answer = resource.answer is not None and not resource.failures and self.now < resource.ends
        if fresh_answer and self.on("keys-of-one-fetch") and self.key(reference) not in self.cache(worker):
            value, _ = value_of(resource.answer, parse(reference).key)
            if value is not None:
                self.cache(worker)[self.key(reference)] = Entry(value, resource.ends)
                return ("value", value)
        try:
            self.fetch(worker, resource, "get")
        except BrokeError:
            self.forget(worker, resource, reference)
            raise
        entry = self.cache(worker)[self.key(reference)]
        return ("value", entry.value) if entry.value is not None else ("error", entry.kind)

    # Fetching

    def fetch(self, worker: int, resource: Resource, mode: str, merged: dict[Any, Answer] | None = None) -> None:
        """Ask the vault for a resource and settle what that means for each of its references."""
        first = resource.references[0]
        try:
            located = self.locate(first)
        except ProblemError:
            for reference in list(resource.references):  # its entity is gone
                self.cache(worker).pop(reference, None)
                self.forget(worker, resource, reference)
            return
        answer = self.ask(located, first, merged)
        resource.located, resource.moved, resource.due = located, False, None
        kind = _failure(answer)
        if kind:
            resource.failures += 1
            resource.due = self.now + (_pause(resource.failures - 1) if self.on("failure-pause") else 0)
        else:
            ttl, resurrect = lifetime(answer.ttl, located.config)
            resource.answer, resource.failures = answer.value, 0
            resource.ends = self.now + self.served_s(ttl, resurrect)
            resource.due = self.now + ttl if ttl < FOREVER else None
        for reference in list(resource.references):
            value, wrong = (None, kind) if kind else value_of(answer.value, parse(reference).key)
            if value == "\0" and not self.on("nul-is-a-value"):
                value, wrong = None, "SecretNotFoundError"
            if value is not None:
                self.keep(worker, reference, value, answer, located)
            else:
                self.fail(worker, resource, reference, wrong, mode)

    def ask(self, located: Located, reference: str, merged: dict[Any, Answer] | None) -> Answer:
        """Ask the vault, unless this rotation has asked already; a failure counts as an answer."""
        parsed = parse(reference)
        call = (located.hash, parsed.resource, parsed.version)
        answer = (merged or {}).get(call)
        if answer is None:
            answer = self.backend.ask(located.strategy, parsed.resource, parsed.version, located.config)
        if merged is not None and not self.on("own-resources"):
            merged[call] = answer
        if answer.raises and not self.on("strategy-bug-contained"):
            raise BrokeError
        return answer

    def served_s(self, ttl: float, resurrect: float | None) -> float:
        if resurrect is None:
            return ttl + FOREVER
        exact = min(ttl + resurrect, FOREVER)
        return exact if self.on("exact-resurrect") else max(exact, self.two_ticks)

    def keep(self, worker: int, reference: str, value: str, answer: Answer, located: Located) -> None:
        ttl, resurrect = lifetime(answer.ttl, located.config)
        self.cache(worker)[self.key(reference)] = Entry(value, self.now + self.served_s(ttl, resurrect))
        if not self.on("process-cache"):
            copied_s = ttl if resurrect is None else min(ttl + resurrect, FOREVER)
            self.copies.setdefault(worker, {})[reference] = Entry(value, self.now + copied_s)

    def fail(self, worker: int, resource: Resource, reference: str, kind: str, mode: str) -> None:
        old = self.cache(worker).get(self.key(reference))
        served = old is not None and old.value is not None and self.now < old.ends
        if served and not (kind in ABSENT and self.on("absent-at-once")) and self.survives(old, mode):
            return
        config = self.locate(reference).config
        failures = old.failures if old is not None else 0
        if kind in ABSENT and self.on("exact-neg-ttl"):
            neg_ttl = miss_config(config)
            miss = Entry(None, self.now + (10 if neg_ttl is None else neg_ttl), kind)
        elif kind not in ABSENT and self.on("failure-pause"):
            miss = Entry(None, self.now + _pause(failures), kind, failures + 1)
        else:
            miss = Entry(None, self.now + max(miss_config(config) or 0, self.two_ticks), kind)
        self.cache(worker)[self.key(reference)] = miss
        self.forget(worker, resource, reference)

    def survives(self, old: Entry, mode: str) -> bool:
        """Tell whether a value that is alive outlives a failed fetch."""
        if mode == "try":
            return self.on("try-keeps-value")
        return mode == "get" or self.on("exact-resurrect") or old.ends - self.now > self.two_ticks

    def forget(self, worker: int, resource: Resource, reference: str) -> None:
        resource.references.remove(reference)
        if not resource.references:
            known = self.known(worker)
            for key in [key for key, item in known.items() if item is resource]:
                del known[key]

    # Refreshing

    def rotate(self, worker: int) -> None:
        if self.on("entities-watched"):
            self.notice_entities()
        merged: dict[Any, Answer] = {}
        done: list[Resource] = []
        for key in list(self.cache(worker)):
            reference = key if self.on("entities-watched") else key[1]
            resource = self.due(worker, key, reference)
            if resource is not None and not any(resource is other for other in done):
                done.append(resource)
                try:
                    self.fetch(worker, resource, "rotate", merged)
                except BrokeError:
                    return

    def due(self, worker: int, key: Any, reference: str) -> Resource | None:
        """Return the resource of a reference if it is to be refreshed now."""
        cache, entry = self.cache(worker), self.cache(worker)[key]
        if self.now >= entry.ends and (entry.value is None or not self.on("refresh-at-ttl")):
            return None
        if not self.on("entities-watched"):
            try:
                current = self.key(reference)
            except ProblemError:
                del cache[key]
                return None
            if current != key:
                del cache[key]
                if current not in cache or self.now >= cache[current].ends:
                    return self.resource(worker, reference)
                entry = cache[current]
        if entry.value is None:
            exact = self.on("exact-neg-ttl" if entry.kind in ABSENT else "failure-pause")
            return None if exact else self.resource(worker, reference)
        resource = self.resource(worker, reference)
        if self.on("refresh-at-ttl") or resource.moved:
            return resource if resource.due is not None and resource.due <= self.now else None
        resurrect = self.locate(reference).config.get("resurrect_ttl")
        window = max(FOREVER if resurrect is None else resurrect, self.two_ticks)
        return resource if entry.ends - self.now <= window else None

    def force(self, worker: int, references: list[str]) -> None:
        """Refresh for ``try``, whatever is due."""
        merged: dict[Any, Answer] = {}
        done: list[Resource] = []
        for reference in sorted(set(references)):
            try:
                self.locate(reference)
            except ProblemError:
                continue
            resource = self.resource(worker, reference)
            if any(resource is other for other in done):
                continue
            done.append(resource)
            try:
                self.fetch(worker, resource, "try", merged)
            except BrokeError:
                return

    def notice_entities(self) -> None:
        if not self.entities_changed:
            return
        self.entities_changed = False
        for worker, known in self.resources.items():
            cache = self.cache(worker)
            for key in [key for key, entry in cache.items() if entry.value is None]:
                del cache[key]
            for resource in list(known.values()):
                try:
                    resource.moved = self.locate(resource.references[0]) != resource.located
                except ProblemError as problem:
                    resource.moved = problem.kind != "UnknownPrefixError"
                    for reference in [] if resource.moved else list(resource.references):  # its entity is gone
                        cache.pop(reference, None)
                        self.forget(worker, resource, reference)
                if resource.moved:
                    resource.due = self.now

    # Whole configs

    def slots(self, config: Any) -> list[Slot]:
        return list(our_slots(config) if self.on("odd-refs-ignored") else kongs_slots(config))

    def update(self, worker: int, config: Any) -> Any:
        config = copy.deepcopy(config)
        for container, name, reference in self.slots(config):
            value = self.field(worker, reference, container[name] if name in _names(container) else None)
            container[name] = value
        return config

    def field(self, worker: int, reference: str, given: Any) -> str:
        if self.on("update-resolves"):
            outcome = self.get(worker, reference)
        else:
            try:
                entry = self.cached(worker, reference)
                outcome = NIL if entry is None else self.told(entry)
            except ProblemError as problem:
                outcome = ("error", problem.kind)
        if outcome[0] == "value":
            return str(outcome[1])
        if self.on("kongs-value-kept") and outcome == ("error", "UnknownPrefixError") and given:
            return str(given)
        if not self.on("update-resolves"):
            return ""
        if outcome == BROKE:
            raise BrokeError
        raise ProblemError(outcome[1] if len(outcome) > 1 else "nil")

    def try_(self, worker: int, options: Any, callback: Callback) -> Outcome:
        try:
            references = [reference for _, _, reference in self.slots(copy.deepcopy(options))]
            if not references:
                return ("value", callback(options))
            try:
                return ("value", callback(self.update(worker, options)))
            except CallbackFailedError:
                self.force(worker, references)
            return ("value", callback(self.update(worker, options)))
        except CallbackFailedError:
            return ("failed",)
        except (CallbackBrokeError, BrokeError):
            return BROKE
        except ProblemError as problem:
            return ("error", problem.kind)


def _failure(answer: Answer) -> str:
    if answer.raises:
        return "StrategyError"
    if answer.value is None:
        return "SecretNotFoundError" if answer.error is None else "UnavailableError"
    return "" if isinstance(answer.value, str) else "InvalidResponseError"


def _pause(failures: int) -> float:
    return min(2.0**failures, 30.0)


def _names(container: Any) -> Any:
    return range(len(container)) if isinstance(container, list) else container
