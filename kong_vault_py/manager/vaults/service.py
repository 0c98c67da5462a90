"""Making, changing and removing the vault entities of a group; every change raises the group's revision."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import Vault, VaultTag
from kong_vault_py.manager.groups import touch_group
from kong_vault_py.manager.problems import (
    InvalidUniqueError,
    NotFoundError,
    ProblemError,
    SchemaViolationError,
    UniqueViolationError,
)
from kong_vault_py.manager.records import Records, new_id
from kong_vault_py.manager.vaults.checking import UUID, Kept, check_vault, prefix_problem
from kong_vault_py.manager.vaults.listing import vault_page
from kong_vault_py.manager.vaults.sealing import masked_config, open_secrets, seal_secrets, shown_vault

__all__ = ["Vaults", "find_vault"]


def find_vault(session: Session, group_id: str, key: str) -> Vault | None:
    """Return a group's vault by id or prefix."""
    column = Vault.id if UUID.fullmatch(key) else Vault.prefix
    return session.scalars(select(Vault).where(Vault.group_id == group_id, column == key)).first()


class Vaults:
    """The vault entities of each group.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def page(
        self, group_id: str, *, size: str | None = None, offset: str | None = None, tags: str | None = None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of vaults, and the next page's offset if there is one; see :func:`vault_page`."""
        with self._records.database.read() as session:
            return vault_page(session, group_id, size=size, offset=offset, tags=tags)

    def get(self, group_id: str, key: str) -> dict[str, Any]:
        """Return a vault by id or prefix, its credentials masked."""
        with self._records.database.read() as session:
            found = find_vault(session, group_id, key)
            if found is None:
                raise NotFoundError
            return shown_vault(found)

    def create(self, actor: str, group_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Make a vault."""
        with self._records.database.write() as session:
            touch_group(session, group_id, self._records.now())
            made = self._store(session, group_id, given, None)
            self._records.audit.append(session, _event(actor, "vault.create", made))
            return shown_vault(made)

    def put(self, actor: str, group_id: str, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Make a vault, or replace the one with this id or prefix."""
        by_id = UUID.fullmatch(key) is not None
        problem = None if by_id else prefix_problem(key)
        if problem:
            raise InvalidUniqueError("prefix", problem)
        with self._records.database.write() as session:
            touch_group(session, group_id, self._records.now())
            found = find_vault(session, group_id, key)
            whole = {**given, ("id" if by_id else "prefix"): key}
            stored = self._store(session, group_id, whole, found)
            action = "vault.update" if found else "vault.create"
            self._records.audit.append(session, _event(actor, action, stored))
            return shown_vault(stored)

    def patch(self, actor: str, group_id: str, key: str, given: Mapping[str, Any]) -> dict[str, Any]:
        """Change some fields of a vault, and some options of its config; ``null`` unsets an option."""
        with self._records.database.write() as session:
            touch_group(session, group_id, self._records.now())
            found = find_vault(session, group_id, key)
            if found is None:
                raise NotFoundError
            stored = self._store(session, group_id, _merged(found, given), found)
            self._records.audit.append(session, _event(actor, "vault.update", stored))
            return shown_vault(stored)

    def delete(self, actor: str, group_id: str, key: str) -> None:
        """Remove a vault; as in Kong, one that isn't there is no error."""
        with self._records.database.write() as session:
            touch_group(session, group_id, self._records.now())
            found = find_vault(session, group_id, key)
            if found is None:
                return
            event = _event(actor, "vault.delete", found)
            session.delete(found)
            self._records.audit.append(session, event)

    def put_many(self, actor: str, group_id: str, entities: Sequence[Mapping[str, Any]]) -> dict[str, int]:
        """Make or replace many vaults by their prefixes: all of them, or none.

        Raises:
            SchemaViolationError: names each that won't do, by its place from 1.
        """
        problems: dict[int, Any] = {}
        counts = {"created": 0, "updated": 0}
        events = []
        with self._records.database.write() as session:
            touch_group(session, group_id, self._records.now())
            for number, given in enumerate(entities, 1):
                found = find_vault(session, group_id, str(given.get("prefix")))
                try:
                    stored = self._store(session, group_id, given, found)
                except ProblemError as problem:
                    problems[number] = problem.body["message"]
                    continue
                counts["updated" if found else "created"] += 1
                events.append(_event(actor, "vault.update" if found else "vault.create", stored))
            if problems:
                raise SchemaViolationError({"vaults": problems})
            self._records.audit.append(session, *events)
        return counts

    def _store(self, session: Session, group_id: str, given: Mapping[str, Any], found: Vault | None) -> Vault:
        """Write a checked entity over the found one, or as a new one; the group is locked by ``touch_group``."""
        envelope, now = self._records.envelope, self._records.now()
        kept = Kept(found.name, found.config, open_secrets(envelope, found)) if found else None
        checked = check_vault(given, kept)
        _refuse_taken(session, group_id, given, checked.prefix, found)
        row = found or Vault(id=given.get("id") or new_id(), group_id=group_id, created_at=now)
        row.prefix, row.name, row.description = checked.prefix, checked.name, checked.description
        row.tags, row.config = checked.tags, masked_config(checked.config, checked.secrets)
        if found is None or kept is None or checked.secrets != kept.secrets:
            row.sealed = seal_secrets(envelope, row.id, checked.secrets)
        row.updated_at = now
        session.add(row)
        session.flush()
        session.execute(delete(VaultTag).where(VaultTag.vault_id == row.id))
        session.add_all(VaultTag(vault_id=row.id, tag=tag) for tag in checked.tags or ())
        return row


def _merged(found: Vault, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the entity with changes on top; the config is merged if both are of one strategy."""
    current = {name: getattr(found, name) for name in ("prefix", "name", "description", "tags", "config")}
    merged = {**current, **given}
    config = given.get("config")
    if isinstance(config, Mapping) and given.get("name", found.name) == found.name:
        merged["config"] = {**found.config, **config}
    return merged


def _refuse_taken(session: Session, group_id: str, given: Mapping[str, Any], prefix: str, found: Vault | None) -> None:
    vault_id = given.get("id")
    if found is not None and vault_id not in (None, found.id):
        raise SchemaViolationError({"id": "immutable field cannot be updated"})
    if found is None and vault_id is not None and session.get(Vault, vault_id) is not None:
        raise UniqueViolationError({"id": vault_id})
    other = find_vault(session, group_id, prefix)
    if other is not None and other is not found:
        raise UniqueViolationError({"prefix": prefix})


def _event(actor: str, action: str, vault: Vault) -> Event:
    return Event(actor, action, vault.prefix, vault.group_id, details={"id": vault.id, "strategy": vault.name})
