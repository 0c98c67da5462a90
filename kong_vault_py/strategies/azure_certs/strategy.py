"""The azure-certs vault: reads the secret behind a certificate, which holds its key and its chain."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.strategies.azure_certs.bundle import Bundle, from_pem, from_pfx
from kong_vault_py.strategies.azure_client.client import AzureClient, Found
from kong_vault_py.strategies.azure_client.config import AzureClientConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy

__all__ = ["AzureCertsConfig", "AzureCertsStrategy"]

_READERS = {"application/x-pkcs12": from_pfx, "application/x-pem-file": from_pem}


@dataclass(frozen=True)
class AzureCertsConfig(AzureClientConfig):
    """Options of the azure-certs vault; ``ttl`` has a default of its own, which is Kong's."""

    ttl: float | None = option(
        3600,
        kind="number",
        between=(0, 100_000_000),
        override=True,
        help="Seconds after which a fetched certificate is refreshed in the background; 0: never, except on demand.",
    )


class AzureCertsStrategy(Strategy[AzureCertsConfig]):
    """Reads certificates; the value is a JSON object of PEM texts: ``cert``, ``key``, ``chain``, ``fullchain``."""

    name: ClassVar[str] = "azure-certs"
    config_class: ClassVar[type[StrategyConfig]] = AzureCertsConfig

    def __init__(self, config: AzureCertsConfig) -> None:
        super().__init__(config)
        self._client = AzureClient(config)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the certificate's parts, logging in first where needed.

        Raises:
            SecretNotFoundError: there is no such certificate; also where the name is a plain secret's.
            InvalidResponseError: what is there can't be read as a certificate.
            VaultError: the key vault could not be asked, or refused.
        """
        bundle = _bundle(self._client.read(resource, version, timeout_s=timeout_s), resource)
        return Fetched(json.dumps(bundle.as_pem(), separators=(",", ":")))

    def check(self, *, timeout_s: float) -> Health:
        """Ask the key vault for a secret that needn't be there."""
        return self._client.check(timeout_s=timeout_s)

    def close(self) -> None:
        """Forget the login and close the connections."""
        self._client.close()


def _bundle(found: Found, resource: str) -> Bundle:
    reader = _READERS.get(found.content_type.partition(";")[0].strip().lower())
    if reader is None:
        raise SecretNotFoundError(
            f"{resource!r} in Azure Key Vault is no certificate but a plain secret (content type "
            f"{found.content_type[:100]!r}); read it by the vault 'azure'"
        )
    try:
        return reader(found.value)
    except (ValueError, TypeError):
        # Their messages may quote the key.
        raise InvalidResponseError(
            f"certificate {resource!r} in Azure Key Vault can't be read as {found.content_type!r}"
        ) from None
