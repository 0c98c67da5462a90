"""Users' tokens for programs: shown once, when they are made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select

from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.access.tokens import new_token
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import ApiToken
from kong_vault_py.manager.fields import required_text, unknown_fields
from kong_vault_py.manager.problems import NotFoundError, SchemaViolationError
from kong_vault_py.manager.records import Records, new_id

__all__ = ["ApiTokens"]

_MAX_LIFE_S = 10 * 366 * 86400


class ApiTokens:
    """The API tokens of each user.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def of(self, principal: Principal) -> list[dict[str, Any]]:
        """Return a user's own tokens, without the tokens themselves."""
        query = select(ApiToken).where(ApiToken.user_id == principal.id).order_by(ApiToken.created_at, ApiToken.id)
        with self._records.database.read() as session:
            return [_shown(token) for token in session.scalars(query)]

    def create(self, principal: Principal, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a token with all of its user's rights; ``token`` of the answer is seen here only."""
        problems = unknown_fields(given, {"name", "expires_in_s"})
        name = required_text(given, "name", problems, most=128)
        life_s = given.get("expires_in_s")
        if life_s is not None and (type(life_s) is not int or not 1 <= life_s <= _MAX_LIFE_S):
            problems["expires_in_s"] = f"expected an integer between 1 and {_MAX_LIFE_S}"
        if problems:
            raise SchemaViolationError(problems)
        token, now = new_token("kvu"), self._records.now()
        expires_at = now + life_s if isinstance(life_s, int) else None
        made = ApiToken(
            id=new_id(), user_id=principal.id, name=name, digest=token.digest, created_at=now, expires_at=expires_at
        )
        with self._records.database.write() as session:
            session.add(made)
            self._records.audit.append(session, Event(principal.actor, "token.create", name))
            return {**_shown(made), "token": token.text}

    def delete(self, principal: Principal, token_id: str) -> None:
        """Remove one of a user's own tokens."""
        with self._records.database.write() as session:
            found = session.get(ApiToken, token_id)
            if found is None or found.user_id != principal.id:
                raise NotFoundError
            session.delete(found)
            self._records.audit.append(session, Event(principal.actor, "token.delete", found.name))


def _shown(token: ApiToken) -> dict[str, Any]:
    return {"id": token.id, "name": token.name, "created_at": token.created_at, "expires_at": token.expires_at}
