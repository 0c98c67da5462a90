"""A vault entity's credentials at rest, and the entity as it may be seen."""

from __future__ import annotations

import functools
import json
from typing import Any

from kong_vault_py.config_store import Envelope
from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.database.models import Vault
from kong_vault_py.options import options_of
from kong_vault_py.secret import MASK
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["masked_config", "open_secrets", "seal_secrets", "shown_vault", "whole_config"]


def seal_secrets(envelope: Envelope, vault_id: str, secrets: dict[str, str]) -> bytes | None:
    """Return a vault's credentials sealed, ``None`` where it has none."""
    if not secrets:
        return None
    return envelope.seal(json.dumps(secrets).encode(), _about(vault_id))


def open_secrets(envelope: Envelope, vault: Vault) -> dict[str, str]:
    """Return a vault's credentials by option.

    Raises:
        WrongMasterKeyError: they were sealed with another key, or altered.
    """
    if vault.sealed is None:
        return {}
    opened: dict[str, str] = json.loads(envelope.open(vault.sealed, _about(vault.id)))
    return opened


def whole_config(envelope: Envelope, vault: Vault) -> dict[str, Any]:
    """Return the config for a node: credentials in plain text, and only what is set."""
    config = {name: value for name, value in vault.config.items() if value is not None}
    return {**config, **open_secrets(envelope, vault)}


def masked_config(config: dict[str, Any], secrets: dict[str, str]) -> dict[str, Any]:
    """Return the config as it is stored and shown: the mask in place of each sealed credential."""
    return {**config, **dict.fromkeys(secrets, MASK)}


def shown_vault(vault: Vault) -> dict[str, Any]:
    """Return the entity as the API shows it: with every option of its strategy, as Kong does."""
    return {
        "id": vault.id,
        "prefix": vault.prefix,
        "name": vault.name,
        "description": vault.description,
        "config": dict.fromkeys(_options(vault.name)) | vault.config,
        "tags": vault.tags,
        "created_at": vault.created_at,
        "updated_at": vault.updated_at,
    }


@functools.cache
def _options(name: str) -> tuple[str, ...]:
    try:
        return tuple(known.name for known in options_of(load_strategy(name).config_class))
    except ConfigError:
        return ()


def _about(vault_id: str) -> bytes:
    return f"vault {vault_id}".encode()
