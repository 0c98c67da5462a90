"""The kinds of vault as a person reads them."""

from __future__ import annotations

from typing import NamedTuple

from kong_vault_py.errors import ConfigError
from kong_vault_py.strategies.registry import load_strategy, strategy_names

__all__ = ["Kind", "kinds", "strategy_title"]

_TITLES = {
    "aws": "AWS Secrets Manager",
    "azure": "Azure Key Vault: secrets",
    "azure-certs": "Azure Key Vault: certificates",
    "conjur": "CyberArk Conjur",
    "env": "Environment variables",
    "fs": "Files",
    "gcp": "Google Cloud Secret Manager",
    "hcv": "HashiCorp Vault or OpenBao",
    "konnect": "Config Store",
}


class Kind(NamedTuple):
    """A strategy to choose: its name, its title, and what it does or why it can't be had."""

    name: str
    title: str
    about: str
    usable: bool


def strategy_title(name: str) -> str:
    """Return what a strategy is called."""
    return _TITLES.get(name, name)


def kinds() -> list[Kind]:
    """Return all strategies by title."""
    return sorted((_kind(name) for name in strategy_names()), key=lambda kind: kind.title)


def _kind(name: str) -> Kind:
    try:
        about = (load_strategy(name).__doc__ or "").strip().partition("\n")[0]
    except ConfigError as error:
        return Kind(name, strategy_title(name), str(error), usable=False)
    return Kind(name, strategy_title(name), about.replace("``", ""), usable=True)
