"""Versions by number: Azure's own are hexadecimal names, and a reference can say a number alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kong_vault_py.errors import SecretNotFoundError

if TYPE_CHECKING:
    from azure.keyvault.secrets import SecretClient

__all__ = ["CURRENT", "checked_number", "version_name"]

#: As with AWS in Kong: 1 is the current version, 2 the one before it.
CURRENT = 1


def checked_number(version: float | None, doing: str) -> int:
    """Return which version to read, counted from the newest.

    Raises:
        SecretNotFoundError: it is no whole number from 1 on.
    """
    if version is None:
        return CURRENT
    if version < 1 or not float(version).is_integer():
        raise SecretNotFoundError(
            f"{doing}: versions are whole numbers from 1 on, counted from the newest, not {version:g}"
        )
    return int(version)


def version_name(client: SecretClient, name: str, number: int, doing: str) -> str:
    """Return Azure's name of the ``number``-th newest version that is enabled.

    Raises:
        SecretNotFoundError: there are fewer, or it can't be told which one it is.
    """
    enabled = [
        (found.created_on.timestamp(), found.version)
        for found in client.list_properties_of_secret_versions(name)
        if found.enabled and found.created_on and found.version
    ]
    enabled.sort(reverse=True)
    if number > len(enabled):
        raise SecretNotFoundError(f"{doing}: there is no version {number}, only {len(enabled)} that are enabled")
    created_s, wanted = enabled[number - 1]
    # Azure lists versions in no order, and gives the time of their making in whole seconds.
    if sum(1 for other_s, _ in enabled if other_s == created_s) > 1:
        raise SecretNotFoundError(
            f"{doing}: version {number} was made in the same second as another, so there is no telling which it is"
        )
    return wanted
