"""What the resolver tells of itself: how each resource stands, what was counted, and each fetch as it happens.

Nothing here holds a value; references come without their query, which may override credentials.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple, Protocol

from kong_vault_py.secret import Secret

__all__ = ["Counts", "FetchEvent", "Lookup", "ManagerStatus", "Observer", "ResourceStatus", "VaultStatus"]


class Lookup(NamedTuple):
    """A secret, and what is known of it.

    Attributes:
        secret: the value.
        strategy: the strategy that brought it.
        prefix: the name in the reference: a vault entity's prefix or a strategy's name.
        version: the version asked for, ``None`` for the current one.
        age_s: seconds since its fetch began.
        ttl_s: seconds until its next refresh, 0 where that is due; ``None`` where there will be none.
        cached: it was in the cache already.
        immutable: it can never change.
    """

    secret: Secret
    strategy: str
    prefix: str
    version: float | int | None
    age_s: float
    ttl_s: float | None
    cached: bool
    immutable: bool


@dataclass(frozen=True)
class ResourceStatus:
    """How one resource stands.

    Attributes:
        references: the references it serves, without their queries.
        prefix: their name: a vault entity's prefix or a strategy's name.
        strategy: the strategy that brought it; ``None`` before the first good fetch.
        hits: how often the cache served it.
        age_s: seconds since the last good fetch; ``None`` before it.
        refresh_in_s: seconds until the next refresh, negative where it is late; ``None`` for never.
        serve_for_s: seconds for which the value may still be served; ``None`` where there is none.
        failures: failed fetches in a row.
        error: why the last fetch failed, in one line; ``None`` where it didn't.
    """

    references: tuple[str, ...]
    prefix: str
    strategy: str | None
    hits: int
    age_s: float | None
    refresh_in_s: float | None
    serve_for_s: float | None
    failures: int
    error: str | None


@dataclass(frozen=True)
class Counts:
    """What happened since the start.

    Attributes:
        hits: look-ups that the cache served. Threads may lose a few: a lock would cost more than the look-up.
        misses: look-ups that it could not.
        fetches: fetches from vaults, of one resource each.
        failures: those that failed, absent secrets included.
        evictions: values that had to go to make room.
    """

    hits: int
    misses: int
    fetches: int
    failures: int
    evictions: int


@dataclass(frozen=True)
class ManagerStatus:
    """How a node and its manager stand with each other.

    Attributes:
        url: the manager's.
        revision: of the vault entities in use; ``None`` before any were heard of.
        vaults: how many of them there are.
        connected: the last request was answered.
        last_sync_age_s: seconds since the last answer; ``None`` before the first one of this process.
        error: why there is no answer, in one line; ``None`` where there is.
        audit_waiting: audit entries that wait for the manager.
        audit_dropped: those that had to go before it took them.
    """

    url: str
    revision: int | None
    vaults: int
    connected: bool
    last_sync_age_s: float | None
    error: str | None
    audit_waiting: int = 0
    audit_dropped: int = 0


@dataclass(frozen=True)
class VaultStatus:
    """How a resolver stands.

    Attributes:
        counts: since the start.
        resources: all that are kept.
        manager: who brings the vault entities; ``None`` where there is no manager.
    """

    counts: Counts
    resources: tuple[ResourceStatus, ...]
    manager: ManagerStatus | None = None

    def as_dict(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return asdict(self)


class FetchEvent(NamedTuple):
    """One fetch of one resource, done.

    Attributes:
        strategy: who was asked; ``None`` where the reference led nowhere.
        prefix: the reference's name.
        reference: one reference of the resource, without its query.
        outcome: "ok", or the name of the error class.
        duration_s: how long it took.
        changed: it brought another value than the fetch before.
        late_s: how long after it was due a refresh began; ``None`` for a first fetch.
    """

    strategy: str | None
    prefix: str
    reference: str
    outcome: str
    duration_s: float
    changed: bool
    late_s: float | None


class Observer(Protocol):
    """Hears of every fetch, in the thread that made it: to be quick, and not to raise, is the observer's part."""

    def fetched(self, event: FetchEvent) -> None:
        """Note one fetch."""
