"""The secrets of Config Stores: versioned, sealed, and never shown by the management API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from kong_vault_py.config_store import Envelope
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.config_stores.stores import find_store, iso_time
from kong_vault_py.manager.database.models import ConfigStore, StoreSecret
from kong_vault_py.manager.fields import required_text, unknown_fields
from kong_vault_py.manager.paging import page_offset, read_offset
from kong_vault_py.manager.problems import NotFoundError, SchemaViolationError, UniqueViolationError
from kong_vault_py.manager.records import Records

__all__ = ["MAX_KEY_CHARS", "MAX_VALUE_CHARS", "StoreSecrets", "StoredValue", "stored_value"]

#: Konnect's limits.
MAX_KEY_CHARS = 512
MAX_VALUE_CHARS = 5120
_VERSIONS_KEPT = 10


class StoredValue(NamedTuple):
    """A secret's value in plain text, and which version it is."""

    value: str
    version: int


def stored_value(
    session: Session, envelope: Envelope, store_id: str, key: str, version: int | None
) -> StoredValue | None:
    """Return a secret's value; ``version`` ``None`` is the current one, of those that are kept."""
    which = StoreSecret.is_current if version is None else StoreSecret.version == version
    query = select(StoreSecret).where(StoreSecret.store_id == store_id, StoreSecret.key == key, which)
    found = session.scalars(query).first()
    if found is None:
        return None
    return StoredValue(envelope.open(found.sealed, _about(store_id, key, found.version)).decode(), found.version)


class StoreSecrets:
    """The secrets of each store.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def page(
        self, group_id: str, store_id: str, *, size: int, after: str | None
    ) -> tuple[list[dict[str, Any]], str | None]:
        """Return a page of a store's secrets, without values, and the next page's cursor if there is one."""
        last = read_offset(after)
        query = select(StoreSecret).where(StoreSecret.store_id == store_id, StoreSecret.is_current)
        if last is not None:
            query = query.where(StoreSecret.key > last)
        with self._records.database.read() as session:
            find_store(session, group_id, store_id)
            found = session.scalars(query.order_by(StoreSecret.key).limit(size + 1)).all()
            cursor = page_offset(found[size - 1].key) if len(found) > size else None
            return [_shown(secret) for secret in found[:size]], cursor

    def get(self, group_id: str, store_id: str, key: str) -> dict[str, Any]:
        """Return what is known of a secret, without its value."""
        with self._records.database.read() as session:
            find_store(session, group_id, store_id)
            found = _current(session, store_id, key)
            if found is None:
                raise NotFoundError
            return _shown(found)

    def create(self, actor: str, group_id: str, store_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a secret."""
        problems = unknown_fields(given, {"key", "value"})
        key = required_text(given, "key", problems, most=MAX_KEY_CHARS)
        value = _required_value(given, problems)
        if problems:
            raise SchemaViolationError(problems)
        with self._records.database.write() as session:
            store = self._locked_store(session, group_id, store_id)
            if _current(session, store_id, key) is not None:
                raise UniqueViolationError({"key": key})
            return self._write(session, actor, store, key, value)

    def put(self, actor: str, group_id: str, store_id: str, key: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Give a secret a new value; the old one stays as a version. Makes the secret if there is none."""
        problems = unknown_fields(given, {"value"})
        value = _required_value(given, problems)
        if not 1 <= len(key) <= MAX_KEY_CHARS:
            problems["key"] = f"length must be at most {MAX_KEY_CHARS}"
        if problems:
            raise SchemaViolationError(problems)
        with self._records.database.write() as session:
            store = self._locked_store(session, group_id, store_id)
            return self._write(session, actor, store, key, value)

    def delete(self, actor: str, group_id: str, store_id: str, key: str) -> None:
        """Remove a secret with all its versions."""
        with self._records.database.write() as session:
            store = self._locked_store(session, group_id, store_id)
            if _current(session, store_id, key) is None:
                raise NotFoundError
            session.execute(delete(StoreSecret).where(StoreSecret.store_id == store_id, StoreSecret.key == key))
            event = Event(actor, "config-store-secret.delete", f"{store.name}/{key}", group_id)
            self._records.audit.append(session, event)

    def _locked_store(self, session: Session, group_id: str, store_id: str) -> ConfigStore:
        """Return the store; whoever else writes to it waits until the session ends."""
        now = self._records.now()
        session.execute(update(ConfigStore).where(ConfigStore.id == store_id).values(updated_at=now))
        return find_store(session, group_id, store_id)

    def _write(self, session: Session, actor: str, store: ConfigStore, key: str, value: str) -> dict[str, Any]:
        earlier = _current(session, store.id, key)
        now, version = self._records.now(), earlier.version + 1 if earlier else 1
        if earlier is not None:
            earlier.is_current = False
        made = StoreSecret(
            store_id=store.id,
            key=key,
            version=version,
            sealed=self._records.envelope.seal(value.encode(), _about(store.id, key, version)),
            created_at=now,
            first_created_at=earlier.first_created_at if earlier else now,
            is_current=True,
        )
        session.add(made)
        session.flush()
        this = (StoreSecret.store_id == store.id, StoreSecret.key == key)
        session.execute(delete(StoreSecret).where(*this, StoreSecret.version <= version - _VERSIONS_KEPT))
        action = "config-store-secret.update" if earlier else "config-store-secret.create"
        event = Event(actor, action, f"{store.name}/{key}", store.group_id, details={"version": version})
        self._records.audit.append(session, event)
        return _shown(made)


def _current(session: Session, store_id: str, key: str) -> StoreSecret | None:
    query = select(StoreSecret).where(StoreSecret.store_id == store_id, StoreSecret.key == key, StoreSecret.is_current)
    return session.scalars(query).first()


def _required_value(given: Mapping[str, object], problems: dict[str, Any]) -> str:
    return required_text(given, "value", problems, most=MAX_VALUE_CHARS)


def _about(store_id: str, key: str, version: int) -> bytes:
    return f"config store {store_id} version {version} of {key}".encode()


def _shown(secret: StoreSecret) -> dict[str, Any]:
    return {
        "key": secret.key,
        "version": secret.version,
        "created_at": iso_time(secret.first_created_at),
        "updated_at": iso_time(secret.created_at),
    }
