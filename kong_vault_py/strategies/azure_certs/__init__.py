"""The azure-certs vault: certificates of Azure Key Vault, with their keys."""

from __future__ import annotations

from kong_vault_py.strategies.azure_certs.strategy import AzureCertsConfig, AzureCertsStrategy

__all__ = ["AzureCertsConfig", "AzureCertsStrategy"]
