"""One resource that this process keeps, and what a fetch of it does to the references that use it.

One resource (name, overrides, resource, version) may serve many references: a username and its password are two keys
of one fetch, refreshed together.
"""

from __future__ import annotations

import base64
import binascii
import logging
from collections.abc import Hashable
from dataclasses import dataclass, field

from kong_vault_py.cache import MAX_TTL_S, Lifetime, SecretCache, lifetime, miss_after, pause_s
from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    SecretNotFoundError,
    UnknownPrefixError,
    VaultError,
)
from kong_vault_py.fetching import Answer, Located
from kong_vault_py.options import StrategyConfig
from kong_vault_py.reference import Reference
from kong_vault_py.secret import Secret
from kong_vault_py.status import ResourceStatus
from kong_vault_py.subfield import Subfields

__all__ = ["Resource", "resource_key", "shown"]

log = logging.getLogger(__name__)

#: A ttl of almost nothing would turn rotation into a load test of the vault.
_SHORTEST_REFRESH_S = 0.1

_NEVER = float("-inf")


def resource_key(reference: Reference) -> Hashable:
    """Return what two references must share to be served by one fetch."""
    overrides = tuple((name, str(value)) for name, value in sorted((reference.config or {}).items()))
    # As text: nan is a version to Kong, and differs from itself.
    version = None if reference.version is None else repr(float(reference.version))
    return reference.name, reference.resource, version, overrides


def shown(reference: str) -> str:
    """Return a reference for messages: without its query, which may override credentials."""
    head, question, tail = reference.partition("?")
    if not question:
        return reference
    return head + (f"#{tail.rpartition('#')[2]}" if "#" in tail else "}")


@dataclass
class Resource:
    """One resource in use.

    Attributes:
        reference: one of its references, for where it is.
        references: reference text -> its key.
        located: strategy and config at the last good fetch.
        answer: what the last good fetch brought; serves further keys without another fetch.
        fetched_at: when the last good fetch began, on the vault's clock.
        failures: failed fetches in a row.
        error: why the last fetch failed.
        forced_until: no forced refresh before this time: the last one brought nothing new.
        unusable: references for which the last answer is junk, so that an older value is served.
        due_at: when the next fetch is to begin, on the vault's clock; ``None`` for never, or not yet known.
    """

    reference: Reference
    references: dict[str, str | None] = field(default_factory=dict)
    located: Located | None = None
    answer: Answer | None = None
    fetched_at: float = _NEVER
    failures: int = 0
    error: VaultError | None = None
    forced_until: float = _NEVER
    unusable: set[str] = field(default_factory=set)
    due_at: float | None = None

    def accept(self, answer: Answer, located: Located, cache: SecretCache, began: float) -> list[str]:
        """Take a fetched answer in, and put every reference's value into the cache.

        Returns:
            The references that had to leave the cache to make room.
        """
        if self.failures:
            log.info("%s: the vault answers again", self.name)
        self.answer, self.located, self.failures, self.error = answer, located, 0, None
        self.fetched_at = began
        evicted = []
        subfields = Subfields(answer.value.reveal())
        for reference in list(self.references):
            try:
                secret = self.extract(reference, subfields)
            except VaultError as error:
                entry = cache.entries.get(reference)
                if isinstance(error, SecretNotFoundError) or entry is None or began >= entry.serve_until:
                    self._forget(reference, error, cache, located.config, began)
                elif reference not in self.unusable:
                    self.unusable.add(reference)
                    log.warning("%s: %s; the last value is served on", shown(reference), error)
            else:
                self.unusable.discard(reference)
                evicted += cache.put(reference, secret, self.serve_until)
        return evicted

    def refuse(self, error: VaultError, config: StrategyConfig, cache: SecretCache, now: float) -> bool:
        """Note a failed fetch: an absent secret is forgotten at once, an unavailable vault's value is served on.

        Returns:
            Whether a value is still served.
        """
        error = _bare(error)
        if not self.failures and not any(cache.miss(reference) for reference in self.references):
            # What was never served is told to its caller alone: clients who make up names don't fill the log.
            absent_ever = self.answer is None and isinstance(error, SecretNotFoundError)
            log.log(logging.DEBUG if absent_ever else logging.WARNING, "%s: %s", self.name, error)
        self.failures += 1
        self.error = error
        gone = isinstance(error, (SecretNotFoundError, UnknownPrefixError))
        for reference in list(self.references):
            entry = cache.entries.get(reference)
            if gone or entry is None or now >= entry.serve_until:
                self._forget(reference, error, cache, config, now)
        return bool(self.references)

    def extract(self, reference: str, subfields: Subfields | None = None) -> Secret:
        """Take one reference's value out of the answer, whose ``subfields`` the caller may have at hand.

        Raises:
            KeyNotFoundError: the answer has no such key.
            InvalidResponseError: the answer is no JSON object, or not base64 where it should be.
        """
        answer, located, key = self.answer, self.located, self.references[reference]
        if answer is None or located is None:
            raise InvalidResponseError("nothing was fetched yet")
        subfields = subfields or Subfields(answer.value.reveal())
        value = answer.value if key is None else Secret(subfields.text(key))
        if not located.config.base64_decode:
            return value
        try:
            return Secret(base64.b64decode(value.reveal_bytes(), validate=True))
        except binascii.Error:
            raise InvalidResponseError("base64_decode is on, but the value is not base64") from None

    @property
    def name(self) -> str:
        """The resource for log lines: one of its references."""
        return shown(next(iter(self.references), f"{{vault://{self.reference.name}/...}}"))

    def status(self, cache: SecretCache, now: float) -> ResourceStatus:
        """Say how it stands at a time on the vault's clock."""
        entries = [entry for reference in list(self.references) if (entry := cache.entries.get(reference))]
        return ResourceStatus(
            references=tuple(shown(reference) for reference in list(self.references)),
            prefix=self.reference.name,
            strategy=self.located.strategy if self.located else None,
            hits=sum(entry.hits for entry in entries),
            age_s=now - self.fetched_at if self.answer else None,
            refresh_in_s=None if self.due_at is None else self.due_at - now,
            serve_for_s=max(entry.serve_until for entry in entries) - now if entries else None,
            failures=self.failures,
            error=None if self.error is None else " ".join(str(self.error).split()),
        )

    @property
    def serve_until(self) -> float:
        """When the last answer may no longer be served, on the vault's clock."""
        return self.fetched_at + self._lifetime().serve_s

    @property
    def fresh_s(self) -> float:
        """How long the last answer is fresh, in seconds."""
        return self._lifetime().fresh_s

    def refresh_at(self, jitter: float) -> float | None:
        """Return when to refresh after a good fetch, earlier by the share ``jitter``; ``None`` for never."""
        fresh_s = self.fresh_s
        if (self.answer is not None and self.answer.immutable) or fresh_s >= MAX_TTL_S:
            return None
        return self.fetched_at + max(fresh_s * (1.0 - jitter), _SHORTEST_REFRESH_S)

    def retry_at(self, now: float) -> float:
        """Return when to try again after a failed fetch."""
        return now + pause_s(self.failures - 1)

    def _lifetime(self) -> Lifetime:
        if self.answer is None or self.located is None:
            return Lifetime(0.0, 0.0)
        return lifetime(self.answer.ttl_s, self.located.config)

    def _forget(
        self,
        reference: str,
        error: VaultError,
        cache: SecretCache,
        config: StrategyConfig,
        now: float,
    ) -> None:
        """Drop a reference's value; what is wrong with the config is no miss, it is told each time."""
        previous = cache.miss(reference)
        cache.drop(reference)
        self.unusable.discard(reference)
        del self.references[reference]
        if not isinstance(error, ConfigError):
            cache.put_miss(reference, miss_after(_bare(error), config, previous, now))


def _bare(error: VaultError) -> VaultError:
    """Return the error without its traceback, whose frames hold responses and tokens for as long as it is kept."""
    return type(error)(*error.args)
