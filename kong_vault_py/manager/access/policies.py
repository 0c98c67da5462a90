"""Which node, and which plugin on it, may resolve which references of a group.

``kong_vault_py.policies`` has the rules. The manager enforces what it can know: a vault of which a node may resolve
nothing is not sent to it, and a Config Store's secret is refused to it. The node enforces the rest (plugins,
resources): it gets its policies with the vaults.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import PolicyRow
from kong_vault_py.manager.fields import optional_text, required_text, unknown_fields
from kong_vault_py.manager.groups import touch_group
from kong_vault_py.manager.problems import NotFoundError, SchemaViolationError
from kong_vault_py.manager.records import Records, new_id
from kong_vault_py.policies import Policy, may_resolve, may_use_vault

__all__ = ["Policies", "Policy", "group_policies", "may_resolve", "may_use_vault"]

_ANY = "*"
_EFFECTS = ("allow", "deny")
_PATTERNS = {"node": 255, "plugin": 255, "resource": 1024}


def group_policies(session: Session, group_id: str) -> list[Policy]:
    """Return a group's policies."""
    rows = session.scalars(select(PolicyRow).where(PolicyRow.group_id == group_id).order_by(PolicyRow.id))
    return [Policy(row.effect, row.prefix, row.node, row.plugin, row.resource) for row in rows]


class Policies:
    """The policies of each group.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self, group_id: str) -> list[dict[str, Any]]:
        """Return a group's policies, the oldest first."""
        query = select(PolicyRow).where(PolicyRow.group_id == group_id).order_by(PolicyRow.created_at, PolicyRow.id)
        with self._records.database.read() as session:
            return [_shown(row) for row in session.scalars(query)]

    def create(self, actor: str, group_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Add a policy."""
        policy = _checked(given)
        with self._records.database.write() as session:
            now = self._records.now()
            touch_group(session, group_id, now)
            made = PolicyRow(id=new_id(), group_id=group_id, created_at=now, **asdict(policy))
            session.add(made)
            event = Event(actor, "policy.create", made.id, group_id, details=asdict(policy))
            self._records.audit.append(session, event)
            return _shown(made)

    def delete(self, actor: str, group_id: str, policy_id: str) -> None:
        """Remove a policy."""
        with self._records.database.write() as session:
            found = session.get(PolicyRow, policy_id)
            if found is None or found.group_id != group_id:
                raise NotFoundError
            touch_group(session, group_id, self._records.now())
            session.delete(found)
            details = {"effect": found.effect, "prefix": found.prefix}
            self._records.audit.append(session, Event(actor, "policy.delete", policy_id, group_id, details=details))


def _checked(given: Mapping[str, object]) -> Policy:
    problems = unknown_fields(given, {"effect", "prefix", *_PATTERNS})
    effect = given.get("effect")
    if effect not in _EFFECTS:
        problems["effect"] = f"expected one of: {', '.join(_EFFECTS)}"
    prefix = required_text(given, "prefix", problems, most=255)
    patterns = {name: optional_text(given, name, problems, most=most) or _ANY for name, most in _PATTERNS.items()}
    if problems:
        raise SchemaViolationError(problems)
    return Policy(str(effect), prefix, **patterns)


def _shown(row: PolicyRow) -> dict[str, Any]:
    shown = ("id", "effect", "prefix", "node", "plugin", "resource", "created_at")
    return {name: getattr(row, name) for name in shown}
