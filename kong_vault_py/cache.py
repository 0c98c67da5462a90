"""Entry states and TTL arithmetic. No I/O, no threads, no clock of its own: time comes in as a number of seconds.

A value is *fresh* for its ttl, then *stale* (still served while a refresh runs) for resurrect_ttl, then gone. A miss
is remembered for neg_ttl, a failure for a growing pause, so that a vault in trouble isn't asked by every request.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Generic, NamedTuple, TypeVar

from cachetools import LRUCache

from kong_vault_py.errors import SecretNotFoundError, VaultError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.secret import Secret

__all__ = [
    "MAX_TTL_S",
    "Entry",
    "Lifetime",
    "Miss",
    "SecretCache",
    "adjust_ttl",
    "lifetime",
    "miss_after",
]

#: Kong's DAO_MAX_TTL (kong/constants.lua): the longest ttl, which also stands for "for ever".
MAX_TTL_S = 100_000_000

#: How long a secret that doesn't exist is remembered as missing where neg_ttl isn't configured.
DEFAULT_NEG_TTL_S = 10.0

_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0

V = TypeVar("V")


class Lifetime(NamedTuple):
    """How long a fetched value lives, in seconds from the fetch: fresh for ``fresh_s``, served for ``serve_s``."""

    fresh_s: float
    serve_s: float


def adjust_ttl(
    ttl_s: object, *, ttl: float | None, min_ttl: float | None = None, max_ttl: float | None = None
) -> float:
    """Return the ttl in seconds that counts, as Kong does (kong/pdk/vault.lua, ``adjust_ttl``).

    Args:
        ttl_s: what the vault returned with the value; anything but a number counts as nothing.
        ttl: the configured ttl, used only where the vault returned nothing.
        min_ttl: lower bound for what the vault returned.
        max_ttl: upper bound for what the vault returned; 0 or less is off. Checked before ``min_ttl``.
    """
    if isinstance(ttl_s, bool) or not isinstance(ttl_s, (int, float)):
        return MAX_TTL_S if ttl is None else ttl
    if ttl_s <= 0:
        return MAX_TTL_S
    if max_ttl is not None and 0 < max_ttl < ttl_s:
        return max_ttl
    if min_ttl is not None and ttl_s < min_ttl:
        return min_ttl
    return ttl_s


def lifetime(ttl_s: object, config: StrategyConfig) -> Lifetime:
    """Return how long a found value lives, from what the vault returned and what is configured.

    Without resurrect_ttl the value is served without end, as in Kong (``get_cache_value_and_ttl``). A configured ttl
    of 0 means "no rotation", as Kong documents it for its Enterprise vaults.
    """
    fresh_s = adjust_ttl(ttl_s, ttl=config.ttl or None, min_ttl=config.min_ttl, max_ttl=config.max_ttl)
    if config.resurrect_ttl is None:
        return Lifetime(fresh_s, fresh_s + MAX_TTL_S)
    return Lifetime(fresh_s, min(fresh_s + config.resurrect_ttl, MAX_TTL_S))


class Entry(Generic[V]):
    """A value in the cache: served until ``serve_until`` on the vault's clock, ``hits`` times so far.

    Replaced, never changed, but for its hits.
    """

    __slots__ = ("hits", "secret", "serve_until")

    def __init__(self, secret: V, serve_until: float, hits: int = 0) -> None:
        self.secret = secret
        self.serve_until = serve_until
        self.hits = hits


@dataclass(frozen=True)
class Miss:
    """What is remembered of a reference without a value: the error to raise, and until when the vault isn't asked."""

    error: VaultError
    until: float
    failures: int


def miss_after(error: VaultError, config: StrategyConfig, previous: Miss | None, now: float) -> Miss:
    """Return what to remember after a fetch that brought nothing: neg_ttl for an absence, a growing pause else."""
    if isinstance(error, SecretNotFoundError):
        neg_ttl = config.neg_ttl
        return Miss(error, now + (DEFAULT_NEG_TTL_S if neg_ttl is None else neg_ttl), 0)
    failures = previous.failures if previous else 0
    return Miss(error, now + pause_s(failures), failures + 1)


def pause_s(failures: int) -> float:
    """Return the seconds to leave a vault alone after so many failures in a row: 1, 2, 4, ... 30."""
    return min(_FIRST_PAUSE_S * 2.0 ** min(failures, 10), _LONGEST_PAUSE_S)


class SecretCache:
    """Values and misses by reference text.

    ``entries`` is read without a lock (a dict's look-up is atomic) and written by whoever holds the resource's fetch.
    Misses live in a bounded LRU cache of their own: who can make up references can't make us remember them all.
    """

    def __init__(self, max_entries: int) -> None:
        self.entries: dict[str, Entry[Secret]] = {}
        self.misses: LRUCache[str, Miss] = LRUCache(maxsize=max_entries)
        self.evictions = 0
        self._past_hits = 0
        self._max_entries = max_entries
        # An LRU cache moves what is looked up: even reading it changes it.
        self._misses_lock = threading.Lock()

    def put(self, reference: str, secret: Secret, serve_until: float) -> list[str]:
        """Store a value and return the references that had to go to make room.

        A value equal to the one held keeps the old :class:`Secret`, so that "the same object" means "unchanged".
        """
        self._forget_miss(reference)
        old = self.entries.get(reference)
        if old is not None and old.secret == secret:
            secret = old.secret
        evicted = []
        if old is None and len(self.entries) >= self._max_entries:
            oldest = next(iter(self.entries))
            self._remove(oldest)
            self.evictions += 1
            evicted.append(oldest)
        self.entries[reference] = Entry(secret, serve_until, old.hits if old is not None else 0)
        return evicted

    @property
    def hits(self) -> int:
        """How many look-ups were served, by what is here and by what was."""
        return self._past_hits + sum(entry.hits for entry in list(self.entries.values()))

    def put_miss(self, reference: str, miss: Miss) -> None:
        """Remember that there is no value now."""
        with self._misses_lock:
            self.misses[reference] = miss

    def miss(self, reference: str) -> Miss | None:
        """Return what is remembered of a reference without a value, in force or not."""
        with self._misses_lock:
            return self.misses.get(reference)

    def drop(self, reference: str) -> None:
        """Forget a reference."""
        self._remove(reference)
        self._forget_miss(reference)

    def clear(self) -> None:
        """Forget everything."""
        for reference in list(self.entries):
            self._remove(reference)
        self.clear_misses()

    def clear_misses(self) -> None:
        """Forget what is missing, so that the vaults are asked again."""
        with self._misses_lock:
            self.misses.clear()

    def _remove(self, reference: str) -> None:
        gone = self.entries.pop(reference, None)
        if gone is not None:
            self._past_hits += gone.hits

    def _forget_miss(self, reference: str) -> None:
        with self._misses_lock:
            self.misses.pop(reference, None)
