"""What nodes report: their state, and the resolutions that go into the audit. Nothing of it is taken on trust."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import Node
from kong_vault_py.manager.problems import SchemaViolationError
from kong_vault_py.manager.records import Records
from kong_vault_py.secret import mask

__all__ = ["NodeReports"]

_MAX_EVENTS = 1000
_MAX_TEXT_CHARS = 1024
_ACTION = "secret.resolve"
# What an entry may tell; anything else that a node sends is left out.
_TEXTS = ("plugin", "strategy", "error", "id")
_NUMBERS = ("count", "duration_s")
_LARGEST = 2**53
_CLOCK_SKEW_S = 300


class NodeReports:
    """Takes nodes' reports.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def take(self, node: NodeIdentity, given: Mapping[str, object]) -> None:
        """Keep a node's state, and put its resolutions into the audit.

        Raises:
            SchemaViolationError: the report is of another form.
        """
        about, status, audit = (given.get(name) for name in ("node", "status", "audit"))
        problems = {
            name: "expected a map"
            for name, value in (("node", about), ("status", status))
            if value is not None and not isinstance(value, Mapping)
        }
        if audit is not None and not isinstance(audit, list):
            problems["audit"] = "expected an array"
        elif len(audit or ()) > _MAX_EVENTS:
            problems["audit"] = f"length must be at most {_MAX_EVENTS}"
        elif not all(isinstance(item, Mapping) for item in audit or ()):
            problems["audit"] = "expected an array of maps"
        if problems:
            raise SchemaViolationError(problems)
        now = self._records.now()
        events = [_event(node, item, now) for item in audit or ()]  # type: ignore[attr-defined]  # a list, see above
        with self._records.database.write() as session:
            row = Node(group_id=node.group_id, node=node.node, about=about or {}, status=status or {}, seen_at=now)
            session.merge(row)
            if events:
                self._records.audit.append(session, *events)


def _event(node: NodeIdentity, item: Mapping[str, Any], now: int) -> Event:
    details: dict[str, Any] = {name: _text(item[name]) for name in _TEXTS if isinstance(item.get(name), str)}
    if isinstance(item.get("cached"), bool):
        details["cached"] = item["cached"]
    details |= {name: item[name] for name in _NUMBERS if type(item.get(name)) in (int, float)}
    details = {name: value for name, value in details.items() if name not in _NUMBERS or 0 <= value <= _LARGEST}
    at = item.get("at")
    # A node's clock may be wrong, and its report late; the future it can't have seen.
    valid = isinstance(at, (int, float)) and not isinstance(at, bool) and 0 < at <= now + _CLOCK_SKEW_S
    outcome = item.get("outcome")
    return Event(
        actor=node.actor,
        action=_ACTION,
        target=_without_query(_text(item.get("reference"))),
        group_id=node.group_id,
        outcome=_text(outcome) if isinstance(outcome, str) else "unknown",
        details=details,
        at=int(at) if valid and at is not None else now,
    )


def _text(value: object) -> str:
    return mask(value[:_MAX_TEXT_CHARS]) if isinstance(value, str) else ""


def _without_query(reference: str) -> str:
    """Return a reference without its query, which may hold a credential."""
    before, question, after = reference.partition("?")
    return before + ("#" + after.partition("#")[2] if "#" in after else "}" if question else "")
