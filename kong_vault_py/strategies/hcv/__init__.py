"""The hcv vault: HashiCorp Vault and OpenBao."""

from __future__ import annotations

from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.strategy import HcvStrategy

__all__ = ["HcvConfig", "HcvStrategy"]
