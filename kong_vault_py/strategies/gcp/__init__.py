"""The gcp vault: Google Cloud Secret Manager."""

from __future__ import annotations

from kong_vault_py.strategies.gcp.config import GcpConfig
from kong_vault_py.strategies.gcp.strategy import GcpStrategy

__all__ = ["GcpConfig", "GcpStrategy"]
