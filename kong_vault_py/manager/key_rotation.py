"""Changing the master key: each sealed value's data key is wrapped anew, the values stay closed."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kong_vault_py.config_store import Envelope
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import SealedKey, StoreSecret, Vault
from kong_vault_py.manager.records import Records

__all__ = ["rotate_master_key"]

_SEALED: tuple[Any, ...] = (Vault, StoreSecret, SealedKey)


def rotate_master_key(records: Records, actor: str = "system") -> int:
    """Bring every sealed value under the current master key, in one transaction, and return how many that changed.

    Raises:
        WrongMasterKeyError: one is sealed with a key that isn't at hand; nothing was changed.
    """
    with records.database.write() as session:
        changed = sum(_rewrap(session, table, records.envelope) for table in _SEALED)
        event = Event(actor, "master-key.rotate", "sealed values", details={"rewrapped": changed})
        records.audit.append(session, event)
    return changed


def _rewrap(session: Session, table: Any, envelope: Envelope) -> int:
    changed = 0
    for row in session.scalars(select(table).where(table.sealed.is_not(None)).with_for_update()):
        wrapped = envelope.rewrap(row.sealed)
        if wrapped != row.sealed:
            row.sealed, changed = wrapped, changed + 1
    return changed
