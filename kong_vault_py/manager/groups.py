"""Runtime groups: gateways that share their vaults, Config Stores and policies."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import ConfigStore, Group, Vault
from kong_vault_py.manager.fields import optional_text, required_name, unknown_fields
from kong_vault_py.manager.problems import ConflictError, NotFoundError, SchemaViolationError, UniqueViolationError
from kong_vault_py.manager.records import Records, new_id

__all__ = ["Groups", "find_group", "touch_group"]

# In URLs, and beside UUIDs there.
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


def find_group(session: Session, group: str) -> Group:
    """Return a group by id or name.

    Raises:
        NotFoundError: there is none.
    """
    found = session.scalars(select(Group).where(or_(Group.id == group, Group.name == group))).first()
    if found is None:
        raise NotFoundError
    return found


def touch_group(session: Session, group_id: str, now: int) -> None:
    """Raise the group's revision, so that its nodes hear of the change; locks the group until the session ends."""
    changes = {"revision": Group.revision + 1, "updated_at": now}
    session.execute(update(Group).where(Group.id == group_id).values(changes))


class Groups:
    """The runtime groups.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def all(self, ids: frozenset[str] | None = None) -> list[dict[str, Any]]:
        """Return the groups by name; ``ids``: these only."""
        query = select(Group).order_by(Group.name)
        if ids is not None:
            query = query.where(Group.id.in_(ids))
        with self._records.database.read() as session:
            return [_shown(group) for group in session.scalars(query)]

    def get(self, group: str) -> dict[str, Any]:
        """Return a group by id or name."""
        with self._records.database.read() as session:
            return _shown(find_group(session, group))

    def create(self, actor: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a group."""
        name, description = _checked(given)
        now = self._records.now()
        with self._records.database.write() as session:
            _refuse_taken(session, name)
            made = Group(id=new_id(), name=name, description=description, revision=1, created_at=now, updated_at=now)
            session.add(made)
            self._records.audit.append(session, Event(actor, "group.create", name, made.id))
            return _shown(made)

    def change(self, actor: str, group_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Rename or describe a group."""
        with self._records.database.write() as session:
            found = find_group(session, group_id)
            name, description = _checked({"name": found.name, "description": found.description, **given})
            if name != found.name:
                _refuse_taken(session, name)
            found.name, found.description, found.updated_at = name, description, self._records.now()
            self._records.audit.append(session, Event(actor, "group.update", name, found.id))
            return _shown(found)

    def delete(self, actor: str, group_id: str) -> None:
        """Remove a group that has no vaults and no Config Stores."""
        with self._records.database.write() as session:
            found = find_group(session, group_id)
            touch_group(session, found.id, self._records.now())
            for table, what in ((Vault, "vaults"), (ConfigStore, "Config Stores")):
                if session.scalars(select(table.id).where(table.group_id == found.id).limit(1)).first():
                    raise ConflictError(f"the group still has {what}")
            session.delete(found)
            self._records.audit.append(session, Event(actor, "group.delete", found.name, found.id))


def _checked(given: Mapping[str, object]) -> tuple[str, str | None]:
    problems = unknown_fields(given, {"name", "description"})
    name = required_name(given, problems, pattern=_NAME)
    description = optional_text(given, "description", problems)
    if problems:
        raise SchemaViolationError(problems)
    return name, description


def _refuse_taken(session: Session, name: str) -> None:
    if session.scalars(select(Group.id).where(or_(Group.name == name, Group.id == name))).first():
        raise UniqueViolationError({"name": name})


def _shown(group: Group) -> dict[str, Any]:
    shown = ("id", "name", "description", "revision", "created_at", "updated_at")
    return {name: getattr(group, name) for name in shown}
