"""The conjur vault: CyberArk Conjur (Secrets Manager), Open Source, Enterprise and Cloud."""

from __future__ import annotations

from kong_vault_py.strategies.conjur.config import ConjurConfig
from kong_vault_py.strategies.conjur.strategy import ConjurStrategy

__all__ = ["ConjurConfig", "ConjurStrategy"]
