"""A Config Store in one local file: replaced as a whole, by one writer at a time; readers need no lock."""

from __future__ import annotations

import errno
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from kong_vault_py.config_store.durable import locked, replace_file
from kong_vault_py.config_store.envelope import Envelope
from kong_vault_py.config_store.limits import MAX_VALUE_CHARS, check_key, check_value
from kong_vault_py.config_store.store_document import MAX_HEADER_BYTES, SealedVersion, StoreDocument, StoredSecret
from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)

__all__ = ["MAX_FILE_BYTES", "StoreFile"]

#: The file is written as a whole with each change: what outgrows this belongs into the manager.
MAX_FILE_BYTES = 64 * 1024 * 1024
_KEPT_VERSIONS = 10
_LOCK_WAIT_S = 10.0


class StoreFile:
    """The secrets of one file. Safe for threads, and for any number of processes.

    Args:
        path: the file; the first value that is put makes it.
        max_value_chars: the longest value that is taken.
        clock: returns seconds since 1970.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        max_value_chars: int = MAX_VALUE_CHARS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._path = Path(path)
        self._max_value_chars = max_value_chars
        self._clock = clock
        self._parsed: tuple[bytes, StoreDocument] | None = None

    @property
    def store_id(self) -> str:
        """The store's id."""
        return self._document().store_id

    @property
    def secrets(self) -> Mapping[str, StoredSecret]:
        """The secrets by key, values sealed."""
        return self._document().secrets

    def get(self, key: str, version: int | None, envelope: Envelope) -> str:
        """Return a secret's value.

        Raises:
            SecretNotFoundError: there is no such secret or version.
            WrongMasterKeyError: it can't be opened with the keys at hand.
            VaultError: the file can't be read.
        """
        document = self._document()
        found = self._found(document, key).find(version)
        if found is None:
            raise SecretNotFoundError(f"store file {self._path} has no version {version} of {key!r}")
        return envelope.open(found.sealed, document.about(key, found.number)).decode("utf-8")

    def put(self, key: str, value: str, envelope: Envelope) -> int:
        """Write a new version of a secret and return its number; the disk has it then.

        The last ten versions are kept.

        Raises:
            ConfigError: no such key or value can be.
            WrongMasterKeyError: the store is sealed with another master key.
            VaultError: the file can't be read or written.
        """
        check_key(key)
        check_value(value, self._max_value_chars)
        with self._changing(envelope) as document:
            versions = document.secrets[key].versions if key in document.secrets else []
            number = versions[-1].number + 1 if versions else 1
            sealed = envelope.seal(value.encode("utf-8"), document.about(key, number))
            kept = versions[-(_KEPT_VERSIONS - 1) :]
            document.secrets[key] = StoredSecret([*kept, SealedVersion(number, int(self._clock()), sealed)])
        return number

    def delete(self, key: str, version: int | None = None) -> None:
        """Delete a secret with all its versions, or an old version of it.

        Raises:
            SecretNotFoundError: there is no such secret or version.
            ConfigError: the version is the current one.
            VaultError: the file can't be read or written.
        """
        self._found(self._document(), key)
        with self._changing(None) as document:
            secret = self._found(document, key)
            if version is None:
                del document.secrets[key]
                return
            found = secret.find(version)
            if found is None:
                raise SecretNotFoundError(f"store file {self._path} has no version {version} of {key!r}")
            if found is secret.current:
                raise ConfigError(
                    f"version {version} of {key!r} is the current one: put a new value, or delete the secret as a whole"
                )
            secret.versions.remove(found)

    def rewrap(self, envelope: Envelope) -> int:
        """Put every value under the current master key; return how many versions there are. No value is opened.

        Raises:
            WrongMasterKeyError: a value's master key is not among those at hand; nothing was changed.
            VaultError: the file can't be read or written.
        """
        self._document()
        count = 0
        with self._changing(envelope) as document:
            document.check = envelope.rewrap(document.check)
            for secret in document.secrets.values():
                secret.versions = [
                    SealedVersion(version.number, version.created_at, envelope.rewrap(version.sealed))
                    for version in secret.versions
                ]
                count += len(secret.versions)
        return count

    def check(self, envelope: Envelope) -> None:
        """Raise a :class:`VaultError` unless the file can be read and is sealed with a master key at hand."""
        self._check(self._document(), envelope)

    @contextmanager
    def _changing(self, envelope: Envelope | None) -> Iterator[StoreDocument]:
        """Lend a copy of what the file has, and put it in the file's place unless that raised."""
        with self._translated("write"), locked(self._path, wait_s=_LOCK_WAIT_S) as target:
            document = self._load() if target.exists() or envelope is None else self._new(envelope)
            if envelope is not None:
                self._check(document, envelope)
            yield document
            content = document.dump()
            if len(content) > MAX_FILE_BYTES:
                raise ConfigError(
                    f"store file {self._path} would be larger than {MAX_FILE_BYTES} bytes: use the manager"
                )
            replace_file(target, content)

    @staticmethod
    def _new(envelope: Envelope) -> StoreDocument:
        document = StoreDocument(str(uuid.uuid4()), b"")
        document.check = envelope.seal(b"", document.about_check)
        return document

    @staticmethod
    def _check(document: StoreDocument, envelope: Envelope) -> None:
        envelope.open(document.check, document.about_check)

    def _found(self, document: StoreDocument, key: str) -> StoredSecret:
        found = document.secrets.get(key)
        if found is None:
            raise SecretNotFoundError(f"store file {self._path} has no secret {key!r}")
        return found

    def _document(self) -> StoreDocument:
        """Return what the file has now, parsed again when it changed. It is shared: not to be changed."""
        with self._translated("read"), self._path.open("rb") as file:
            header = file.readline(MAX_HEADER_BYTES)
            parsed = self._parsed
            if parsed is None or parsed[0] != header:
                parsed = self._parsed = (header, self._parse(header, file))
        return parsed[1]

    def _load(self) -> StoreDocument:
        with self._translated("read"), self._path.open("rb") as file:
            return self._parse(file.readline(MAX_HEADER_BYTES), file)

    def _parse(self, header: bytes, file: BinaryIO) -> StoreDocument:
        body = file.read(MAX_FILE_BYTES + 1)
        if len(body) > MAX_FILE_BYTES:
            raise InvalidResponseError(f"store file {self._path} is larger than {MAX_FILE_BYTES} bytes")
        return StoreDocument.parse(header, body, f"store file {self._path}")

    @contextmanager
    def _translated(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise self._error(doing, error) from error

    def _error(self, doing: str, error: OSError) -> VaultError:
        if error.errno in (errno.EACCES, errno.EPERM):
            return PermissionDeniedError(
                f"store file {self._path}: user id {os.geteuid()} may not {doing} it: check owner and mode"
            )
        if error.errno in (errno.ENOENT, errno.ENOTDIR) and doing == "read":
            return UnavailableError(f"there is no store file {self._path}; `kong-vault store put` makes it")
        return UnavailableError(f"store file {self._path}: can't {doing} it: {error.strerror or error}")
