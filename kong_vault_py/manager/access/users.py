"""Users and their roles in groups."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import delete, func, or_, select
from sqlalchemy.orm import Session

from kong_vault_py.manager.access.passwords import Passwords, required_password
from kong_vault_py.manager.access.roles import Principal, Role
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import ApiToken, Grant, LoginSession, User
from kong_vault_py.manager.fields import flag, required_name, unknown_fields
from kong_vault_py.manager.groups import find_group
from kong_vault_py.manager.problems import ConflictError, NotFoundError, SchemaViolationError, UniqueViolationError
from kong_vault_py.manager.records import Records, new_id

__all__ = ["Users", "add_user", "find_user", "principal_of"]

_USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,127}")


def find_user(session: Session, user: str) -> User:
    """Return a user by id or name.

    Raises:
        NotFoundError: there is none.
    """
    found = session.scalars(select(User).where(or_(User.id == user, User.username == user))).first()
    if found is None:
        raise NotFoundError
    return found


def principal_of(session: Session, user: User, csrf_token: str | None = None) -> Principal:
    """Return a user with the roles that they have now."""
    grants = session.scalars(select(Grant).where(Grant.user_id == user.id))
    roles = {grant.group_id: Role[grant.role.upper()] for grant in grants}
    return Principal(user.id, user.username, user.superadmin, roles, csrf_token)


def add_user(
    session: Session, given: Mapping[str, object], passwords: Passwords, now: int, *, superadmin: bool = False
) -> User:
    """Make a user of a checked body.

    Raises:
        SchemaViolationError: a field won't do.
        UniqueViolationError: the name is taken.
    """
    problems = unknown_fields(given, {"username", "password", "superadmin"})
    username = required_name(given, problems, pattern=_USERNAME, field="username")
    password = required_password(given, problems)
    superadmin = flag(given, "superadmin", problems, default=superadmin)
    if problems:
        raise SchemaViolationError(problems)
    if session.scalars(select(User.id).where(or_(User.username == username, User.id == username))).first():
        raise UniqueViolationError({"username": username})
    made = User(
        id=new_id(),
        username=username,
        password_hash=passwords.hash(password),
        superadmin=superadmin,
        disabled=False,
        created_at=now,
    )
    session.add(made)
    session.flush()
    return made


class Users:
    """The users.

    Args:
        records: the manager's data.
        passwords: hashes them.
    """

    def __init__(self, records: Records, passwords: Passwords) -> None:
        self._records = records
        self._passwords = passwords

    def all(self) -> list[dict[str, Any]]:
        """Return the users by name, with their roles."""
        with self._records.database.read() as session:
            return [_shown(session, user) for user in session.scalars(select(User).order_by(User.username))]

    def get(self, user: str) -> dict[str, Any]:
        """Return a user by id or name."""
        with self._records.database.read() as session:
            return _shown(session, find_user(session, user))

    def create(self, actor: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a user."""
        with self._records.database.write() as session:
            made = add_user(session, given, self._passwords, self._records.now())
            details = {"superadmin": made.superadmin}
            self._records.audit.append(session, Event(actor, "user.create", made.username, details=details))
            return _shown(session, made)

    def change(self, actor: str, user: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Change a user's password, or whether they are a superadmin or disabled; ends their sessions."""
        problems = unknown_fields(given, {"password", "superadmin", "disabled"})
        password = required_password(given, problems) if "password" in given else None
        with self._records.database.write() as session:
            found = find_user(session, user)
            superadmin = flag(given, "superadmin", problems, default=found.superadmin)
            disabled = flag(given, "disabled", problems, default=found.disabled)
            if problems:
                raise SchemaViolationError(problems)
            if found.superadmin and (disabled or not superadmin):
                _keep_one_superadmin(session, found)
            found.superadmin, found.disabled = superadmin, disabled
            if password is not None:
                found.password_hash = self._passwords.hash(password)
            session.execute(delete(LoginSession).where(LoginSession.user_id == found.id))
            details = {"changed": sorted(given)}
            self._records.audit.append(session, Event(actor, "user.update", found.username, details=details))
            return _shown(session, found)

    def delete(self, actor: str, user: str) -> None:
        """Remove a user with their tokens, sessions and roles."""
        with self._records.database.write() as session:
            found = find_user(session, user)
            if found.superadmin:
                _keep_one_superadmin(session, found)
            for table in (ApiToken, LoginSession, Grant):
                session.execute(delete(table).where(table.user_id == found.id))
            session.delete(found)
            self._records.audit.append(session, Event(actor, "user.delete", found.username))

    def grant(self, actor: str, user: str, group: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Give a user a role in a group, in place of the one that they have."""
        problems = unknown_fields(given, {"role"})
        words = [role.word for role in Role]
        if given.get("role") not in words:
            problems["role"] = f"expected one of: {', '.join(words)}"
        if problems:
            raise SchemaViolationError(problems)
        with self._records.database.write() as session:
            found, group_found = find_user(session, user), find_group(session, group)
            session.merge(Grant(user_id=found.id, group_id=group_found.id, role=str(given["role"])))
            event = Event(actor, "user.grant", found.username, group_found.id, details={"role": given["role"]})
            self._records.audit.append(session, event)
            return _shown(session, found)

    def revoke(self, actor: str, user: str, group: str) -> None:
        """Take a user's role in a group away."""
        with self._records.database.write() as session:
            found, group_found = find_user(session, user), find_group(session, group)
            session.execute(delete(Grant).where(Grant.user_id == found.id, Grant.group_id == group_found.id))
            self._records.audit.append(session, Event(actor, "user.revoke", found.username, group_found.id))


def _keep_one_superadmin(session: Session, leaving: User) -> None:
    others = select(func.count()).select_from(User).where(User.superadmin, ~User.disabled, User.id != leaving.id)
    if not session.scalar(others):
        raise ConflictError("this is the last superadmin")


def _shown(session: Session, user: User) -> dict[str, Any]:
    roles = principal_of(session, user).roles
    return {
        "id": user.id,
        "username": user.username,
        "superadmin": user.superadmin,
        "disabled": user.disabled,
        "roles": {group: role.word for group, role in roles.items()},
        "created_at": user.created_at,
    }
