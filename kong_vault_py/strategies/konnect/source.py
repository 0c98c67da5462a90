"""What both modes of the konnect vault have in common: a key, perhaps a version, under a deadline."""

from __future__ import annotations

from typing import Protocol

from kong_vault_py.config_store.limits import check_key
from kong_vault_py.errors import ConfigError, SecretNotFoundError
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["Nowhere", "Source", "whole_version"]

# The manager keeps version numbers in a 32-bit column.
_LAST_VERSION = 2**31 - 1


class Source(Protocol):
    """Where a Config Store's values come from."""

    def read(self, key: str, version: int | None, deadline: Deadline) -> str:
        """Return a secret's value.

        Raises:
            SecretNotFoundError: there is no such secret or version.
            StrategyError: everything else.
        """

    def check(self, deadline: Deadline) -> None:
        """Raise a :class:`VaultError` unless the store can be read."""

    def close(self) -> None:
        """Close what is open; safe to call twice."""


class Nowhere:
    """The source of a config that says which store, and not where it is."""

    def read(self, key: str, version: int | None, deadline: Deadline) -> str:  # noqa: ARG002  # there is none
        """Raise the error that says what is missing."""
        raise ConfigError("option 'store_file' or 'manager_url' is required: where is the Config Store?")

    def check(self, deadline: Deadline) -> None:
        """Raise the error that says what is missing."""
        self.read("", None, deadline)

    def close(self) -> None:
        """Nothing is open."""


def whole_version(key: str, version: float | None) -> int | None:
    """Return a reference's version as a number that a Config Store can have.

    Raises:
        SecretNotFoundError: no such key or version can be.
    """
    try:
        check_key(key)
    except ConfigError as error:
        raise SecretNotFoundError(f"reading {_shown(key)!r} from the Config Store: {error}") from None
    if version is None:
        return None
    if not (1 <= version <= _LAST_VERSION and float(version).is_integer()):
        raise SecretNotFoundError(
            f"reading {key!r} from the Config Store: versions are whole numbers from 1 on, not {version:g}"
        )
    return int(version)


def _shown(key: str) -> str:
    return key if len(key) < 80 else f"{key[:80]}..."
