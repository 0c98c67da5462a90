"""What an audit entry tells, and the bytes that its authentication code covers."""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.manager.database.models import AuditEntry

__all__ = ["Event", "entry_mac", "head_mac", "shown_entry"]

_MAX_TARGET_CHARS = 2048


@dataclass(frozen=True)
class Event:
    """One thing that happened. Never holds a secret's value.

    Attributes:
        actor: ``user:<name>``, ``node:<name>`` or ``system``.
        action: what was done, ``<thing>.<verb>``.
        target: what it was done to.
        group_id: the runtime group that it belongs to, if one.
        outcome: ``ok``, ``denied``, or an error's class.
        details: more, JSON-able.
        at: Unix seconds; ``None`` for now.
    """

    actor: str
    action: str
    target: str
    group_id: str | None = None
    outcome: str = "ok"
    details: Mapping[str, Any] = field(default_factory=dict)
    at: int | None = None

    def entry(self, seq: int, now: int) -> AuditEntry:
        """Return the event as a row, without its authentication code."""
        return AuditEntry(
            seq=seq,
            at=now if self.at is None else self.at,
            actor=self.actor[:300],
            action=self.action[:64],
            group_id=self.group_id,
            target=self.target[:_MAX_TARGET_CHARS],
            outcome=self.outcome[:32],
            details=json.dumps(self.details, sort_keys=True, separators=(",", ":")),
        )


def entry_mac(key: bytes, entry: AuditEntry, previous: str) -> str:
    """Return the authentication code of an entry: of all its columns, its place, and the entry before it."""
    columns = [entry.seq, entry.at, entry.actor, entry.action, entry.group_id, entry.target]
    return _mac(key, ["entry", *columns, entry.outcome, entry.details, previous])


def head_mac(key: bytes, seq: int, last: str) -> str:
    """Return the authentication code of the audit's end."""
    return _mac(key, ["head", seq, last])


def shown_entry(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as JSON-able data."""
    return {
        "seq": entry.seq,
        "at": entry.at,
        "actor": entry.actor,
        "action": entry.action,
        "group": entry.group_id,
        "target": entry.target,
        "outcome": entry.outcome,
        "details": json.loads(entry.details),
        "mac": entry.mac,
    }


def _mac(key: bytes, parts: list[Any]) -> str:
    return hmac.new(key, json.dumps(parts, separators=(",", ":")).encode(), hashlib.sha256).hexdigest()
