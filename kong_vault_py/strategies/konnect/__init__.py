"""The konnect vault: a Config Store of our own, in a local file or in the manager."""

from __future__ import annotations

from kong_vault_py.strategies.konnect.config import KonnectConfig
from kong_vault_py.strategies.konnect.strategy import KonnectStrategy

__all__ = ["KonnectConfig", "KonnectStrategy"]
