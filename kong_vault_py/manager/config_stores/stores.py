"""The Config Stores of each group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import ConfigStore, StoreSecret
from kong_vault_py.manager.fields import required_text, unknown_fields
from kong_vault_py.manager.paging import page_offset, read_offset
from kong_vault_py.manager.problems import ConflictError, NotFoundError, SchemaViolationError, UniqueViolationError
from kong_vault_py.manager.records import Records, new_id

__all__ = ["ConfigStores", "find_store", "iso_time"]

_MAX_NAME_CHARS = 255


def find_store(session: Session, group_id: str, store_id: str) -> ConfigStore:
    """Return a group's store.

    Raises:
        NotFoundError: there is none.
    """
    found = session.get(ConfigStore, store_id)
    if found is None or found.group_id != group_id:
        raise NotFoundError
    return found


def iso_time(seconds: int) -> str:
    """Return Unix seconds as Konnect writes times."""
    return datetime.fromtimestamp(seconds, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class ConfigStores:
    """The Config Stores of each group.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def page(self, group_id: str, *, size: int, after: str | None) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of stores in the order of their ids, and the next page's cursor if there is one."""
        query = select(ConfigStore).where(ConfigStore.group_id == group_id).order_by(ConfigStore.id).limit(size + 1)
        last = read_offset(after)
        if last is not None:
            query = query.where(ConfigStore.id > last)
        with self._records.database.read() as session:
            found = session.scalars(query).all()
            cursor = page_offset(found[size - 1].id) if len(found) > size else None
            return [_shown(store) for store in found[:size]], cursor

    def get(self, group_id: str, store_id: str) -> dict[str, Any]:
        """Return a store."""
        with self._records.database.read() as session:
            return _shown(find_store(session, group_id, store_id))

    def create(self, actor: str, group_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a store."""
        made_id, now = new_id(), self._records.now()
        # Konnect takes a store without a name.
        name = _checked_name(given if given.get("name") is not None else {**given, "name": made_id})
        with self._records.database.write() as session:
            _refuse_taken(session, group_id, name)
            made = ConfigStore(id=made_id, group_id=group_id, name=name, created_at=now, updated_at=now)
            session.add(made)
            self._records.audit.append(session, _event(actor, "config-store.create", made))
            return _shown(made)

    def rename(self, actor: str, group_id: str, store_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Give a store another name."""
        name = _checked_name(given)
        with self._records.database.write() as session:
            found = find_store(session, group_id, store_id)
            if name != found.name:
                _refuse_taken(session, group_id, name)
            found.name, found.updated_at = name, self._records.now()
            self._records.audit.append(session, _event(actor, "config-store.update", found))
            return _shown(found)

    def delete(self, actor: str, group_id: str, store_id: str, *, force: bool) -> None:
        """Remove a store; with ``force`` even one that holds secrets."""
        with self._records.database.write() as session:
            found = find_store(session, group_id, store_id)
            inside = select(StoreSecret.key).where(StoreSecret.store_id == found.id).limit(1)
            if not force and session.scalars(inside).first() is not None:
                raise ConflictError("the Config Store still has secrets; force=true removes them too")
            session.execute(delete(StoreSecret).where(StoreSecret.store_id == found.id))
            event = _event(actor, "config-store.delete", found)
            session.delete(found)
            self._records.audit.append(session, event)


def _checked_name(given: Mapping[str, object]) -> str:
    problems = unknown_fields(given, {"name"})
    name = required_text(given, "name", problems, most=_MAX_NAME_CHARS)
    if problems:
        raise SchemaViolationError(problems)
    return name


def _refuse_taken(session: Session, group_id: str, name: str) -> None:
    query = select(ConfigStore.id).where(ConfigStore.group_id == group_id, ConfigStore.name == name)
    if session.scalars(query).first():
        raise UniqueViolationError({"name": name})


def _event(actor: str, action: str, store: ConfigStore) -> Event:
    return Event(actor, action, store.name, store.group_id, details={"id": store.id})


def _shown(store: ConfigStore) -> dict[str, Any]:
    return {
        "id": store.id,
        "name": store.name,
        "created_at": iso_time(store.created_at),
        "updated_at": iso_time(store.updated_at),
    }
