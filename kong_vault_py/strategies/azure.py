"""The azure vault: secrets of Azure Key Vault."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.strategies.azure_client.client import AzureClient
from kong_vault_py.strategies.azure_client.config import AzureClientConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy

__all__ = ["AzureConfig", "AzureStrategy"]


@dataclass(frozen=True)
class AzureConfig(AzureClientConfig):
    """Options of the azure vault."""

    type: str = option("secrets", one_of=("secrets",), help="What is read of the key vault.")


class AzureStrategy(Strategy[AzureConfig]):
    """Reads secrets; the value is handed on as it is, JSON or not.

    A version is counted from the newest, so that it names another value after each rotation.
    """

    name: ClassVar[str] = "azure"
    config_class: ClassVar[type[StrategyConfig]] = AzureConfig

    def __init__(self, config: AzureConfig) -> None:
        super().__init__(config)
        self._client = AzureClient(config)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the secret's value, logging in first where needed."""
        return Fetched(self._client.read(resource, version, timeout_s=timeout_s).value)

    def check(self, *, timeout_s: float) -> Health:
        """Ask the key vault for a secret that needn't be there."""
        return self._client.check(timeout_s=timeout_s)

    def close(self) -> None:
        """Forget the login and close the connections."""
        self._client.close()
