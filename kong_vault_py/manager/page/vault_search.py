"""Finding a group's vaults by prefix and tag, in the order of their prefixes."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import select

from kong_vault_py.manager.database.models import Vault, VaultTag
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.vaults.sealing import shown_vault

__all__ = ["Found", "prefixes", "search_vaults"]

PAGE_SIZE = 50
_MAX_SUGGESTED = 500


class Found(NamedTuple):
    """A page of vaults, and the last prefix on it if there are more."""

    vaults: list[dict[str, Any]]
    more_after: str | None


def search_vaults(records: Records, group_id: str, *, prefix: str, tag: str, after: str) -> Found:
    """Return the vaults behind ``after`` whose prefix holds a text and which have a tag; ``""`` for any."""
    query = select(Vault).where(Vault.group_id == group_id).order_by(Vault.prefix).limit(PAGE_SIZE + 1)
    if prefix:
        query = query.where(Vault.prefix.contains(prefix, autoescape=True))
    if tag:
        query = query.where(Vault.id.in_(select(VaultTag.vault_id).where(VaultTag.tag == tag)))
    if after:
        query = query.where(Vault.prefix > after)
    with records.database.read() as session:
        rows = session.scalars(query).all()
        shown = [shown_vault(row) for row in rows[:PAGE_SIZE]]
    return Found(shown, shown[-1]["prefix"] if len(rows) > PAGE_SIZE else None)


def prefixes(records: Records, group_id: str) -> list[str]:
    """Return a group's prefixes, so many as a browser may suggest."""
    query = select(Vault.prefix).where(Vault.group_id == group_id).order_by(Vault.prefix).limit(_MAX_SUGGESTED)
    with records.database.read() as session:
        return list(session.scalars(query))
