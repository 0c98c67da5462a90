"""Writing the audit and proving that nobody changed it.

Each entry carries an HMAC of itself and of the entry before it; the head carries one of the last entry, so that a
changed, moved, removed or cut-off entry shows. The key is sealed by the master key: who may write to the database
can't write a false history. (A restored old copy of the whole database can be told by the count and code that
``kong-vault manager verify-audit`` prints.)
"""

from __future__ import annotations

import hmac
from collections.abc import Callable, Iterable
from typing import NamedTuple

from sqlalchemy import event as database_event
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.audit.event import Event, entry_mac, head_mac, shown_entry
from kong_vault_py.manager.audit.syslog import SyslogSink
from kong_vault_py.manager.database.models import AuditEntry, AuditHead

__all__ = ["AuditBrokenError", "AuditLog", "Verified"]

_BATCH = 1000


class AuditBrokenError(ConfigError):
    """The audit is not what the manager wrote."""


class Verified(NamedTuple):
    """What a verification found: the number of entries, and the last one's code to compare with elsewhere."""

    entries: int
    mac: str


class AuditLog:
    """The audit of one database.

    Args:
        key: 32 bytes that only managers know.
        now: Unix seconds.
        syslog: hears of every entry once it is in the database.
    """

    def __init__(self, key: bytes, now: Callable[[], int], syslog: SyslogSink | None = None) -> None:
        self._key = key
        self._now = now
        self._syslog = syslog

    def append(self, session: Session, *events: Event) -> None:
        """Add entries in a session's transaction; other writers wait until it ends, so do this last."""
        head = session.execute(select(AuditHead).where(AuditHead.id == 1).with_for_update()).scalar_one()
        previous = _last_mac(session, head.seq)
        now = self._now()
        told = []
        for seq, event in enumerate(events, head.seq + 1):
            entry = event.entry(seq, now)
            entry.mac = previous = entry_mac(self._key, entry, previous)
            session.add(entry)
            told.append(shown_entry(entry))
        head.seq += len(events)
        head.mac = head_mac(self._key, head.seq, previous)
        session.flush()
        sink = self._syslog
        if sink is not None:
            database_event.listen(session, "after_commit", lambda _session: sink.offer(told), once=True)

    def close(self) -> None:
        """Send on what waits to be sent."""
        if self._syslog is not None:
            self._syslog.close()

    def verify(self, session: Session) -> Verified:
        """Check every entry.

        Raises:
            AuditBrokenError: says the first entry that is missing or not as it was written.
        """
        previous, expected = "", 1
        for entry in self._entries(session):
            if entry.seq != expected:
                raise AuditBrokenError(f"audit entry {expected} is missing: the next one is {entry.seq}")
            if not hmac.compare_digest(entry.mac, entry_mac(self._key, entry, previous)):
                raise AuditBrokenError(f"audit entry {entry.seq} was changed, or the one before it")
            previous, expected = entry.mac, expected + 1
        head = session.get(AuditHead, 1)
        fresh = head is not None and expected == 1 and head.seq == 0
        if not fresh and (
            head is None or head.seq != expected - 1 or head.mac != head_mac(self._key, head.seq, previous)
        ):
            raise AuditBrokenError(f"the audit ends at entry {expected - 1}, and more were written")
        return Verified(expected - 1, previous)

    @staticmethod
    def _entries(session: Session) -> Iterable[AuditEntry]:
        last = 0
        while True:
            query = select(AuditEntry).where(AuditEntry.seq > last).order_by(AuditEntry.seq).limit(_BATCH)
            batch = session.scalars(query).all()
            yield from batch
            if len(batch) < _BATCH:
                return
            last = batch[-1].seq
            session.expunge_all()


def _last_mac(session: Session, seq: int) -> str:
    if seq == 0:
        return ""
    found = session.execute(select(AuditEntry.mac).where(AuditEntry.seq == seq)).scalar_one_or_none()
    if found is None:
        last = session.execute(select(func.max(AuditEntry.seq))).scalar()
        raise AuditBrokenError(f"the audit ends at entry {last or 0}, and {seq} were written: run verify-audit")
    return found
