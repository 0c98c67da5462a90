"""Reading the audit: filters, pages, and an export that needs no memory for all of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from kong_vault_py.manager.audit.event import shown_entry
from kong_vault_py.manager.database import Database
from kong_vault_py.manager.database.models import AuditEntry

__all__ = ["AuditFilter", "audit_page", "exported"]

_BATCH = 500


@dataclass(frozen=True)
class AuditFilter:
    """Which entries; what is ``None`` doesn't matter.

    Attributes:
        group_ids: of these groups only; ``None`` for all, and for what belongs to no group.
        actor: the whole actor, as ``user:ann``.
        action: the whole action, or with a dot at its end all that begin so (``vault.``).
        target: a part of the target.
        since: Unix seconds, inclusive.
        until: Unix seconds, exclusive.
    """

    group_ids: tuple[str, ...] | None = None
    actor: str | None = None
    action: str | None = None
    target: str | None = None
    outcome: str | None = None
    since: int | None = None
    until: int | None = None

    def applied(self, query: Select[AuditEntry]) -> Select[AuditEntry]:
        """Return the query with these conditions."""
        if self.group_ids is not None:
            query = query.where(AuditEntry.group_id.in_(self.group_ids))
        if self.actor is not None:
            query = query.where(AuditEntry.actor == self.actor)
        if self.action is not None and self.action.endswith("."):
            query = query.where(AuditEntry.action.startswith(self.action, autoescape=True))
        elif self.action is not None:
            query = query.where(AuditEntry.action == self.action)
        if self.target is not None:
            query = query.where(AuditEntry.target.contains(self.target, autoescape=True))
        if self.outcome is not None:
            query = query.where(AuditEntry.outcome == self.outcome)
        if self.since is not None:
            query = query.where(AuditEntry.at >= self.since)
        if self.until is not None:
            query = query.where(AuditEntry.at < self.until)
        return query


def audit_page(session: Session, wanted: AuditFilter, *, before: int | None, size: int) -> list[dict[str, Any]]:
    """Return up to ``size`` entries, the newest first, all of them older than entry ``before``."""
    query = wanted.applied(select(AuditEntry)).order_by(AuditEntry.seq.desc()).limit(size)
    if before is not None:
        query = query.where(AuditEntry.seq < before)
    return [shown_entry(entry) for entry in session.scalars(query)]


def exported(database: Database, wanted: AuditFilter) -> Iterator[str]:
    """Yield the entries as JSON lines, the oldest first."""
    last = 0
    while True:
        query = wanted.applied(select(AuditEntry)).where(AuditEntry.seq > last).order_by(AuditEntry.seq).limit(_BATCH)
        with database.read() as session:
            batch = [shown_entry(entry) for entry in session.scalars(query)]
        if not batch:
            return
        yield "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in batch)
        last = batch[-1]["seq"]
