"""Secrets management for every Kong Gateway: ``{vault://...}`` references, resolved, cached and rotated.

The public names; each loads its module on first use, so that importing the package costs next to nothing.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kong_vault_py.errors import (
        AuthenticationError,
        ConfigError,
        InvalidReferenceError,
        InvalidResponseError,
        KeyNotFoundError,
        MissingDependencyError,
        PermissionDeniedError,
        SecretNotFoundError,
        StrategyError,
        StrategyTimeoutError,
        UnavailableError,
        UnknownPrefixError,
        UnknownStrategyError,
        VaultError,
    )
    from kong_vault_py.plan import Plan
    from kong_vault_py.reference import Reference, is_reference, parse_reference
    from kong_vault_py.secret import MaskingFilter, Secret
    from kong_vault_py.settings import Settings
    from kong_vault_py.vault import Vault

__version__ = "0.1.0"

__all__ = [
    "AuthenticationError",
    "ConfigError",
    "InvalidReferenceError",
    "InvalidResponseError",
    "KeyNotFoundError",
    "MaskingFilter",
    "MissingDependencyError",
    "PermissionDeniedError",
    "Plan",
    "Reference",
    "Secret",
    "SecretNotFoundError",
    "Settings",
    "StrategyError",
    "StrategyTimeoutError",
    "UnavailableError",
    "UnknownPrefixError",
    "UnknownStrategyError",
    "Vault",
    "VaultError",
    "is_reference",
    "parse_reference",
]

_ELSEWHERE = {
    "MaskingFilter": "secret",
    "Plan": "plan",
    "Reference": "reference",
    "Secret": "secret",
    "Settings": "settings",
    "Vault": "vault",
    "is_reference": "reference",
    "parse_reference": "reference",
}


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module = importlib.import_module(f"{__name__}.{_ELSEWHERE.get(name, 'errors')}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
