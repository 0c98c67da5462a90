"""The first administrator: a one-time token in a file that only the manager's user can read."""

from __future__ import annotations

import hmac
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kong_vault_py.config_store.durable import replace_file
from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.access.passwords import Passwords
from kong_vault_py.manager.access.tokens import digest, new_token
from kong_vault_py.manager.access.users import add_user
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import Bootstrap, User
from kong_vault_py.manager.problems import NotSignedInError, SchemaViolationError
from kong_vault_py.manager.records import Records

__all__ = ["BootstrapAccess"]


class BootstrapAccess:
    """Makes the token, and takes it.

    Args:
        records: the manager's data.
        passwords: hashes the new password.
        path: where the token is written, with mode 0600.
    """

    def __init__(self, records: Records, passwords: Passwords, path: Path) -> None:
        self._records = records
        self._passwords = passwords
        self._path = path

    def prepare(self) -> Path | None:
        """Write a token if there are no users yet, and return where; ``None`` if there are some.

        Raises:
            ConfigError: the file can't be written.
        """
        with self._records.database.write() as session:
            if _has_users(session):
                return None
            found = session.get(Bootstrap, 1)
            if found is not None and self._holds(found.digest):
                return self._path
            token = new_token("kvb")
            session.merge(Bootstrap(id=1, digest=token.digest))
            try:
                replace_file(self._path, f"{token.text}\n".encode())
            except OSError as error:
                raise ConfigError(f"bootstrap token {self._path}: can't write it: {error.strerror}") from error
        return self._path

    def use(self, given: Mapping[str, object]) -> dict[str, Any]:
        """Make the first user, a superadmin, and forget the token.

        Raises:
            NotSignedInError: the token is wrong, or used already.
            SchemaViolationError: the name or the password won't do.
        """
        token = given.get("token")
        if not isinstance(token, str):
            raise SchemaViolationError({"token": "required field missing"})
        rest = {name: value for name, value in given.items() if name in ("username", "password")}
        with self._records.database.write() as session:
            found = session.scalars(select(Bootstrap).where(Bootstrap.id == 1).with_for_update()).first()
            if found is None or not hmac.compare_digest(found.digest, digest(token)) or _has_users(session):
                raise NotSignedInError("wrong bootstrap token")
            made = add_user(session, rest, self._passwords, self._records.now(), superadmin=True)
            session.delete(found)
            self._records.audit.append(session, Event("system", "user.bootstrap", made.username))
            shown = {"id": made.id, "username": made.username}
        self._path.unlink(missing_ok=True)
        return shown

    def _holds(self, wanted: str) -> bool:
        try:
            descriptor = os.open(self._path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        with os.fdopen(descriptor, encoding="utf-8", errors="replace") as file:
            return digest(file.read(200).strip()) == wanted


def _has_users(session: Session) -> bool:
    return session.scalars(select(User.id).limit(1)).first() is not None
