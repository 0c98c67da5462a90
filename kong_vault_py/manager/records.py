"""What every service of the manager works with: the database, the sealing, the audit and the time."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass

from kong_vault_py.config_store import Envelope
from kong_vault_py.manager.audit.log import AuditLog
from kong_vault_py.manager.database import Database

__all__ = ["Records", "new_id"]


@dataclass(frozen=True)
class Records:
    """The manager's data.

    Attributes:
        database: gives sessions.
        envelope: seals and opens credentials and secrets.
        audit: takes an entry in the session of the change that it tells of.
        now: Unix seconds; tests tick their own.
    """

    database: Database
    envelope: Envelope
    audit: AuditLog
    now: Callable[[], int] = lambda: int(time.time())


def new_id() -> str:
    """Return a new UUID as text."""
    return str(uuid.uuid4())
