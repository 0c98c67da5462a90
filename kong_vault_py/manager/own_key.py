"""The manager's own key for the audit: made once, kept in the database under the master key."""

from __future__ import annotations

import os

from kong_vault_py.config_store import Envelope
from kong_vault_py.manager.database import Database
from kong_vault_py.manager.database.models import SealedKey

__all__ = ["audit_key"]

_NAME = "audit"
_ABOUT = b"manager key audit"
_BYTES = 32


def audit_key(database: Database, envelope: Envelope) -> bytes:
    """Return the key that authenticates the audit; makes it on the first call.

    Raises:
        WrongMasterKeyError: the database belongs to another master key.
    """
    with database.read() as session:
        found = session.get(SealedKey, _NAME)
        if found is not None:
            return envelope.open(found.sealed, _ABOUT)
    with database.connect_for_migration() as connection:
        # Two managers that start together on an empty database make one key.
        table = SealedKey.__table__
        sealed = connection.execute(table.select().where(table.c.name == _NAME)).first()
        if sealed is not None:
            return envelope.open(sealed.sealed, _ABOUT)
        key = os.urandom(_BYTES)
        values = {"name": _NAME, "sealed": envelope.seal(key, _ABOUT)}
        connection.execute(table.insert(), [values])  # type: ignore[attr-defined]  # a Table, whatever its type says
    return key
