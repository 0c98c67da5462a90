"""Pages of a group's vaults, filtered by tags as in Kong: ``a,b`` for both, ``a/b`` for either."""

from __future__ import annotations

import re
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

from kong_vault_py.manager.database.models import Vault, VaultTag
from kong_vault_py.manager.paging import page_offset, page_size, read_offset
from kong_vault_py.manager.problems import InvalidOptionsError
from kong_vault_py.manager.vaults.sealing import shown_vault

__all__ = ["vault_page"]

# kong/api/endpoints.lua and kong/db/dao/init.lua
_AND = re.compile(r"[ -+\-.0-~\u0080-\U0010ffff]+(,[ -+\-.0-~\u0080-\U0010ffff]+)*")
_OR = re.compile(r"[ -+\-.0-~\u0080-\U0010ffff]+(/[ -+\-.0-~\u0080-\U0010ffff]+)*")
_MAX_TAGS = 5


def vault_page(
    session: Session, group_id: str, *, size: str | None = None, offset: str | None = None, tags: str | None = None
) -> tuple[list[dict[str, Any]], str | None]:
    """Return a page of vaults in the order of their ids, and the next page's offset if there is one.

    Raises:
        InvalidSizeError: the size won't do.
        InvalidOffsetError: the offset won't do.
        InvalidOptionsError: the tags won't do.
    """
    wanted, after = page_size(size), read_offset(offset)
    query = select(Vault).where(Vault.group_id == group_id).order_by(Vault.id).limit(wanted + 1)
    if tags is not None:
        query = _tagged(query, tags)
    if after is not None:
        query = query.where(Vault.id > after)
    found = session.scalars(query).all()
    next_offset = page_offset(found[wanted - 1].id) if len(found) > wanted else None
    return [shown_vault(vault) for vault in found[:wanted]], next_offset


def _tagged(query: Select[Vault], text: str) -> Select[Vault]:
    if not text:
        raise InvalidOptionsError({"tags": "cannot be null"})
    every = _AND.fullmatch(text) is not None
    if not every and not _OR.fullmatch(text):
        raise InvalidOptionsError({"tags": "invalid filter syntax"})
    tags = set(text.split("," if every else "/"))
    if len(tags) > _MAX_TAGS:
        raise InvalidOptionsError({"tags": f"cannot query more than {_MAX_TAGS} tags"})
    having = len(tags) if every else 1
    tagged = select(VaultTag.vault_id).where(VaultTag.tag.in_(tags)).group_by(VaultTag.vault_id)
    return query.where(Vault.id.in_(tagged.having(func.count() >= having)))
