"""Passwords: argon2id, a bounded number at a time, and the same work for users that don't exist."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

__all__ = ["Passwords", "required_password"]

_MIN_CHARS = 12
_MAX_CHARS = 1000
# Each takes 64 MiB for some 50 ms: a flood of logins must fill neither the memory nor all threads' time.
_AT_ONCE = 4


def required_password(given: Mapping[str, object], problems: dict[str, Any], field: str = "password") -> str:
    """Return a body's new password; adds to ``problems`` what is wrong with it."""
    value = given.get(field)
    if value is None:
        problems[field] = "required field missing"
    elif not isinstance(value, str):
        problems[field] = "expected a string"
    elif not _MIN_CHARS <= len(value) <= _MAX_CHARS:
        problems[field] = f"length must be between {_MIN_CHARS} and {_MAX_CHARS}"
    else:
        return value
    return ""


class Passwords:
    """Hashes and verifies passwords.

    Args:
        hasher: its parameters; tests take weaker ones.
    """

    def __init__(self, hasher: PasswordHasher | None = None) -> None:
        self._hasher = hasher or PasswordHasher()
        self._turns = threading.BoundedSemaphore(_AT_ONCE)
        self._nobodys = self._hasher.hash("the password of nobody at all")

    def hash(self, password: str) -> str:
        """Return what is kept of a password."""
        with self._turns:
            return self._hasher.hash(password)

    def matches(self, password: str, kept: str | None) -> bool:
        """Say whether this is the password; ``kept`` is ``None`` for a user that doesn't exist."""
        with self._turns:
            try:
                return self._hasher.verify(kept or self._nobodys, password[: _MAX_CHARS + 1]) and kept is not None
            except (VerificationError, InvalidHashError):
                return False
