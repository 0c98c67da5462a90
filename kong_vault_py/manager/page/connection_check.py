"""Asking a vault from the manager whether it answers, without lending anybody the manager's own identity.

The manager is not the node: its environment, its files and its machine's identity are others. And whoever may edit a
vault names the server that it is at: a test that read the manager's files, environment or references would send
their content there. So a vault is tested only if its config itself holds all that it logs in with.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, NamedTuple

from kong_vault_py.errors import VaultError
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.config_stores.stores import find_store
from kong_vault_py.manager.problems import ConflictError, NotFoundError
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.vaults.sealing import open_secrets, whole_config
from kong_vault_py.manager.vaults.service import find_vault
from kong_vault_py.options import build_config
from kong_vault_py.reference import is_reference
from kong_vault_py.secret import Secret, mask
from kong_vault_py.strategies.base import Health, HealthStatus
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["Asked", "ask_vault", "missing_for_test"]

_TIMEOUT_S = 5.0
_AT_ONCE = 4
_turns = threading.BoundedSemaphore(_AT_ONCE)

# What a vault logs in with, by strategy and auth_method: options that its config has to hold.
_LOGINS: Mapping[tuple[str, object], tuple[str, ...]] = {
    ("hcv", "token"): ("token",),
    ("hcv", "approle"): ("approle_role_id", "approle_secret_id"),
    ("hcv", "jwt"): ("oauth2_token_endpoint", "oauth2_client_id", "oauth2_client_secret"),
    ("hcv", "oauth2"): ("oauth2_token_endpoint", "oauth2_client_id", "oauth2_client_secret"),
    ("azure", None): ("tenant_id", "client_id", "client_secret"),
    ("azure-certs", None): ("tenant_id", "client_id", "client_secret"),
    ("gcp", None): ("service_account",),
    ("conjur", "api_key"): ("login", "api_key"),
}
_FILES = ("approle_secret_id_file", "store_file")


class Asked(NamedTuple):
    """What a test found.

    Attributes:
        ok: the vault answered as it should.
        text: what to tell.
    """

    ok: bool
    text: str


def missing_for_test(strategy: str, config: Mapping[str, Any]) -> str | None:
    """Return why only a node can test this vault, ``None`` where the manager can."""
    if any(is_reference(value) for value in config.values()):
        return "its config holds references, which only nodes resolve"
    if any(config.get(name) for name in _FILES):
        return "it reads files of the node"
    if config.get("approle_response_wrapping"):
        return "its wrapping token can be used once only"
    if strategy == "konnect":
        return None
    login = _LOGINS.get((strategy, config.get("auth_method")))
    if login is None:
        return "it depends on the node's own environment, files or identity"
    lacking = [name for name in login if not config.get(name)]
    return f"it logs in as the node's machine, since {' and '.join(lacking)} isn't set" if lacking else None


def ask_vault(records: Records, actor: str, group_id: str, vault_id: str) -> Asked:
    """Ask a vault, and note in the audit that it was asked.

    Raises:
        NotFoundError: there is no such vault.
        ConflictError: the vault can't be tested from here, or too many tests run.
    """
    with records.database.read() as session:
        found = find_vault(session, group_id, vault_id)
        if found is None:
            raise NotFoundError
        reason = missing_for_test(found.name, found.config)
        if reason:
            raise ConflictError(f"this vault can't be tested from here: {reason}")
        name, prefix = found.name, found.prefix
        config = whole_config(records.envelope, found)
        config |= {option: Secret(value) for option, value in open_secrets(records.envelope, found).items()}
    if not _turns.acquire(blocking=False):
        raise ConflictError("too many connections are being tested: try again in a few seconds")
    try:
        health = _store_health(records, group_id, config) if name == "konnect" else _health(name, config)
    finally:
        _turns.release()
    with records.database.write() as session:
        records.audit.append(session, Event(actor, "vault.check", prefix, group_id, health.status.value))
    return _told(health)


def _health(name: str, config: Mapping[str, Any]) -> Health:
    try:
        strategy_class = load_strategy(name)
        strategy = strategy_class(build_config(strategy_class.config_class, config, where="config"))
    except VaultError as error:
        return Health(HealthStatus.UNKNOWN, str(error))
    try:
        return strategy.check(timeout_s=_TIMEOUT_S)
    finally:
        strategy.close()


def _store_health(records: Records, group_id: str, config: Mapping[str, Any]) -> Health:
    """Say whether the Config Store is here: the manager would only ask itself."""
    store_id = str(config.get("config_store_id") or "")
    try:
        with records.database.read() as session:
            find_store(session, group_id, store_id)
    except NotFoundError:
        return Health(HealthStatus.UNAVAILABLE, "this group has no Config Store with that id")
    return Health(HealthStatus.OK)


def _told(health: Health) -> Asked:
    if health.status is HealthStatus.OK:
        return Asked(ok=True, text="The vault answers, and takes the login.")
    known = "The vault can't be used" if health.status is HealthStatus.UNAVAILABLE else "No certain answer"
    return Asked(ok=False, text=mask(f"{known}: {health.detail or 'it gave no reason'}"))
