"""The konnect vault: one secret of a Config Store per resource."""

from __future__ import annotations

from typing import ClassVar

from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.konnect.config import KonnectConfig
from kong_vault_py.strategies.konnect.embedded import EmbeddedStore
from kong_vault_py.strategies.konnect.managed import ManagedStore
from kong_vault_py.strategies.konnect.source import Nowhere, Source, whole_version

__all__ = ["KonnectStrategy"]


class KonnectStrategy(Strategy[KonnectConfig]):
    """Reads a Config Store; the value is the secret's own, text or JSON.

    A pinned version is not immutable: old ones are dropped, and a secret that was deleted starts over at 1.
    """

    name: ClassVar[str] = "konnect"
    config_class: ClassVar[type[StrategyConfig]] = KonnectConfig
    sdk: ClassVar[tuple[str, ...]] = ("cryptography", "requests")

    def __init__(self, config: KonnectConfig) -> None:
        super().__init__(config)
        self._source = _source(config)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the secret's value."""
        return Fetched(self._source.read(resource, whole_version(resource, version), Deadline(timeout_s)))

    def check(self, *, timeout_s: float) -> Health:
        """Say whether the store can be read."""
        return Health.of(lambda: self._source.check(Deadline(timeout_s)))

    def close(self) -> None:
        """Close the connections."""
        self._source.close()


def _source(config: KonnectConfig) -> Source:
    if config.store_file:
        return EmbeddedStore(config)
    return ManagedStore(config) if config.manager_url else Nowhere()
