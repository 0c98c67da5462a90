"""The contract between the resolver and a vault: implement this, and every door can use your vault.

A strategy knows how to fetch one resource. Caching, rotation, JSON keys, base64, overrides and retries over time are
the core's; one deadline per fetch, one error class per kind of failure, and an idempotent close are the strategy's.
``kong_vault_py.testing`` ships the contract suite that every strategy passes, yours included.
"""

from __future__ import annotations

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Generic, NamedTuple, TypeVar

from kong_vault_py.errors import AuthenticationError, ConfigError, PermissionDeniedError, VaultError
from kong_vault_py.options import StrategyConfig

__all__ = ["C", "Fetched", "Health", "HealthStatus", "Strategy"]

C = TypeVar("C", bound=StrategyConfig)


class Fetched(NamedTuple):
    """What a vault answered.

    Attributes:
        value: the secret's text or bytes; the JSON text of an object where the vault holds fields. Never ``None``.
        ttl_s: how long the vault says it is good for, in seconds; ``None`` where it says nothing.
    """

    value: str | bytes
    ttl_s: float | None = None


class HealthStatus(Enum):
    """The three values of a health check."""

    OK = "ok"
    UNAVAILABLE = "unavailable"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Health:
    """Whether a vault could be asked now, and in one line why not and what to do."""

    status: HealthStatus
    detail: str = ""

    @classmethod
    def of(cls, ask: Callable[[], object], *, fine: tuple[type[VaultError], ...] = ()) -> Health:
        """Ask the vault something and say what that tells of its health.

        Args:
            ask: the question; what it returns doesn't count.
            fine: errors that only a vault which works gives.
        """
        try:
            ask()
        except fine:
            return cls(HealthStatus.OK)
        except (AuthenticationError, ConfigError, PermissionDeniedError) as error:
            return cls(HealthStatus.UNKNOWN, str(error))
        except VaultError as error:
            return cls(HealthStatus.UNAVAILABLE, str(error))
        return cls(HealthStatus.OK)


class Strategy(abc.ABC, Generic[C]):
    """One vault backend with one config. Methods may be called from several threads or greenlets at once."""

    #: The name in references and settings ("hcv").
    name: ClassVar[str]
    #: The frozen dataclass of its options.
    config_class: ClassVar[type[StrategyConfig]]
    #: A pinned version never changes in this vault: it is fetched once and not rotated.
    immutable_versions: ClassVar[bool] = False
    #: Modules of the SDK, imported on first use; a server imports those of its configured vaults at its start.
    sdk: ClassVar[tuple[str, ...]] = ()
    #: How many resources :meth:`fetch_many` takes at once; 1 where the vault has no batch call.
    batch_size: ClassVar[int] = 1

    def __init__(self, config: C) -> None:
        """Keep the config. No I/O here: the client opens on first use."""
        self.config = config

    @abc.abstractmethod
    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Fetch one resource.

        Args:
            resource: the reference's resource, unescaped ("team/redis"); text that was no UTF-8 has surrogates.
            version: the reference's ``#version``, ``None`` for the current one.
            timeout_s: seconds for everything together: connecting, logging in, retries.

        Raises:
            SecretNotFoundError: the vault says that it has no such resource or version.
            StrategyError: one of its subclasses, for everything else; the SDK's own errors never get out.
        """

    def fetch_many(
        self, wanted: Sequence[tuple[str, float | None]], *, timeout_s: float
    ) -> Mapping[tuple[str, float | None], Fetched | VaultError]:
        """Fetch several resources in one call of the vault; only asked of a strategy with a ``batch_size`` above 1.

        Args:
            wanted: pairs of resource and version, ``batch_size`` of them at most.
            timeout_s: seconds for all of them together.

        Returns:
            For each pair what :meth:`fetch` would have returned, or raised.

        Raises:
            StrategyError: the call as a whole failed.
        """
        raise NotImplementedError(f"strategy '{self.name}' has no batch call")

    @abc.abstractmethod
    def check(self, *, timeout_s: float) -> Health:
        """Say whether the vault could be asked now. Never raises a :class:`VaultError`."""

    def close(self) -> None:
        """Release connections and tokens. Safe to call twice, and before the first use."""
