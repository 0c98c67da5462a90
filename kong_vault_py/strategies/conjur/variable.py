"""A reference's variable: its id, and where Conjur's API has it."""

from __future__ import annotations

from urllib.parse import quote

from kong_vault_py.errors import SecretNotFoundError

__all__ = ["Variable", "batch_path"]

# Conjur keeps version numbers in a 32-bit column.
_LAST_VERSION = 2**31 - 1


class Variable:
    """What a reference asks for.

    Args:
        account: Conjur's organization account.
        resource: the variable's id ("team/redis/password").
        version: the reference's version; ``None`` for the current one.

    Raises:
        SecretNotFoundError: no such id or version can exist.
    """

    def __init__(self, account: str, resource: str, version: float | None) -> None:
        self.doing = f"reading {resource!r} from Conjur"
        self.id = f"{account}:variable:{resource}"
        # One level of encoding, slashes too: an id is one segment of the path.
        self.path = f"/secrets/{quote(account, safe='')}/variable/{self._encoded(resource)}{self._query(version)}"
        #: The batch call separates ids by commas, and knows no versions.
        self.fits_batch = version is None and "," not in self.id

    def _encoded(self, resource: str) -> str:
        # Servers on the way may decode and resolve dot segments: they would lead to other ids.
        if {"", ".", ".."} & set(resource.split("/")) or "\0" in resource:
            raise SecretNotFoundError(f"{self.doing}: this can't be the id of a variable")
        try:
            return quote(resource, safe="")
        except UnicodeEncodeError:
            raise SecretNotFoundError(f"{self.doing}: Conjur's ids are UTF-8, this one is not") from None

    def _query(self, version: float | None) -> str:
        if version is None:
            return ""
        if not (1 <= version <= _LAST_VERSION and float(version).is_integer()):
            raise SecretNotFoundError(f"{self.doing}: versions are whole numbers from 1 on, not {version:g}")
        return f"?version={int(version)}"


def batch_path(variables: list[Variable]) -> str:
    """Return where the values of several variables are, each of which fits a batch."""
    return "/secrets?variable_ids=" + ",".join(quote(variable.id, safe="") for variable in variables)
