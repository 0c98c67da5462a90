"""What is in a store file: names and sealed values. Pure data, no I/O, no keys."""

from __future__ import annotations

import base64
import json
import uuid
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.errors import InvalidResponseError

__all__ = ["MAX_HEADER_BYTES", "SealedVersion", "StoreDocument", "StoredSecret"]

_FORMAT = "kong-vault-store-1"

#: A first line is shorter than this.
MAX_HEADER_BYTES = 1024


@dataclass(frozen=True)
class SealedVersion:
    """One version of a secret.

    Attributes:
        number: 1 for the first.
        created_at: seconds since 1970, UTC.
        sealed: the value as an :class:`Envelope` made it.
    """

    number: int
    created_at: int
    sealed: bytes


@dataclass
class StoredSecret:
    """A secret's versions, oldest first, never none.

    Attributes:
        versions: those that are kept.
    """

    versions: list[SealedVersion]

    @property
    def current(self) -> SealedVersion:
        """The newest version."""
        return self.versions[-1]

    def find(self, number: int | None) -> SealedVersion | None:
        """Return a version, the current one for ``None``."""
        if number is None:
            return self.current
        return next((version for version in self.versions if version.number == number), None)


@dataclass
class StoreDocument:
    """A whole store.

    Attributes:
        store_id: which store this is; what it seals opens in no other.
        check: sealed nothing, to tell a wrong master key before anything is written with it.
        secrets: by key.
    """

    store_id: str
    check: bytes
    secrets: dict[str, StoredSecret] = field(default_factory=dict)

    def about(self, key: str, version: int) -> bytes:
        """Return what a version's value is bound to."""
        return json.dumps(["secret", self.store_id, key, version]).encode("ascii")

    @property
    def about_check(self) -> bytes:
        """What ``check`` is bound to."""
        return json.dumps(["check", self.store_id]).encode("ascii")

    def dump(self) -> bytes:
        """Return a file's content: a line that no other content has, and the secrets."""
        header = {"format": _FORMAT, "store": self.store_id, "check": _text(self.check), "revision": uuid.uuid4().hex}
        secrets = {
            key: [[version.number, version.created_at, _text(version.sealed)] for version in secret.versions]
            for key, secret in self.secrets.items()
        }
        return b"".join(json.dumps(told, separators=(",", ":")).encode("ascii") + b"\n" for told in (header, secrets))

    @classmethod
    def parse(cls, header: bytes, body: bytes, where: str) -> StoreDocument:
        """Return what a file's content holds.

        Args:
            header: the first line.
            body: the rest.
            where: the file, for the error text.

        Raises:
            InvalidResponseError: it is no store file.
        """
        try:
            told = json.loads(header)
            if told["format"] != _FORMAT:
                raise ValueError
            secrets = {key: StoredSecret(_versions(versions)) for key, versions in json.loads(body).items()}
            return cls(str(told["store"]), _bytes(told["check"]), secrets)
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
            raise InvalidResponseError(
                f"{where} is no store file, was cut short, or is of a newer format; restore it from a backup"
            ) from None


def _versions(told: Any) -> list[SealedVersion]:
    versions = [SealedVersion(int(number), int(created_at), _bytes(sealed)) for number, created_at, sealed in told]
    if not versions:
        raise ValueError
    return versions


def _text(sealed: bytes) -> str:
    return base64.b64encode(sealed).decode("ascii")


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
