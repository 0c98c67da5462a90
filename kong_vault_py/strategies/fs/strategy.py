"""The fs vault: one file per secret below one directory, never outside it."""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy
from kong_vault_py.strategies.fs.confined_read import NOT_REGULAR, OutsideError, UnfitError, read_below

__all__ = ["FsConfig", "FsStrategy"]

_ABSENT = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)
_DENIED = (errno.EACCES, errno.EPERM)


@dataclass(frozen=True)
class FsConfig(StrategyConfig):
    """Options of the fs vault."""

    prefix: str = option(
        "", required=True, help="Absolute path of the directory with the secrets; nothing outside it is read."
    )

    def __post_init__(self) -> None:
        """Refuse a relative directory: which one it means would depend on who starts the process."""
        if not Path(self.prefix).is_absolute() or "\0" in self.prefix:
            raise ConfigError(f"option 'prefix': {self.prefix!r} won't do: expected the absolute path of a directory")


class FsStrategy(Strategy[FsConfig]):
    """Reads files, as Docker, Kubernetes and the Vault agent mount them."""

    name: ClassVar[str] = "fs"
    config_class: ClassVar[type[StrategyConfig]] = FsConfig

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:  # noqa: ARG002  # no deadline for files
        """Return the file's content without its last line end.

        The operating system gives no deadline for reading a file, so ``timeout_s`` doesn't bound a hung network
        file system.

        Raises:
            SecretNotFoundError: there is no such file, or a version is asked for.
            PermissionDeniedError: the file is unreadable, or lies outside the directory.
            InvalidResponseError: it is no regular file, or larger than 1 MiB.
            UnavailableError: the directory itself can't be read.
        """
        if version is not None:
            raise SecretNotFoundError(f"file {resource!r}: the fs vault has no versions; remove the '#' part")
        parts = _checked_parts(resource)
        try:
            content = read_below(self.config.prefix, parts)
        except OSError as error:
            raise self._translated(error, resource) from error
        except OutsideError:
            raise PermissionDeniedError(
                f"file {self._named(resource)} is a symbolic link that leads outside of it"
            ) from None
        except UnfitError as error:
            raise InvalidResponseError(f"file {self._named(resource)} {error}") from None
        return Fetched(_without_line_end(content).decode("utf-8", "surrogateescape"))

    def check(self, *, timeout_s: float) -> Health:  # noqa: ARG002  # as above
        """Say whether the directory can be listed."""
        try:
            with os.scandir(self.config.prefix):
                return Health(HealthStatus.OK)
        except OSError as error:
            return Health(HealthStatus.UNAVAILABLE, str(self._directory_error(error)))

    def _translated(self, error: OSError, resource: str) -> VaultError:
        try:
            os.stat(self.config.prefix)  # noqa: PTH116
        except OSError as directory_error:
            return self._directory_error(directory_error)
        where = self._named(resource)
        if error.errno == errno.EISDIR:
            return SecretNotFoundError(f"file {where} is a directory: name a file in it")
        if error.errno in _ABSENT:
            return SecretNotFoundError(f"there is no file {where}")
        if error.errno in _DENIED:
            return PermissionDeniedError(
                f"file {where} is not readable for user id {os.geteuid()}: check owner and mode"
            )
        if error.errno == errno.ELOOP:
            return InvalidResponseError(f"file {where} is a loop of symbolic links")
        if error.errno == errno.ENXIO:
            return InvalidResponseError(f"file {where} {NOT_REGULAR}")
        return UnavailableError(f"file {where} can't be read: {error.strerror}")

    def _named(self, resource: str) -> str:
        return f"{resource!r} below {self.config.prefix!r}"

    def _directory_error(self, error: OSError) -> UnavailableError:
        return UnavailableError(
            f"directory {self.config.prefix!r} of the fs vault can't be read: {error.strerror}; is it mounted?"
        )


def _checked_parts(resource: str) -> list[bytes]:
    """Return the path below the directory, one name each; refuse what climbs out, before any file is touched."""
    try:
        parts = [part for part in os.fsencode(resource).split(b"/") if part not in (b"", b".")]
    except UnicodeEncodeError:
        parts = []
    if b".." in parts or resource.startswith("/"):
        raise PermissionDeniedError(f"file {resource!r} leads outside of the fs vault's directory")
    if not parts or "\0" in resource:
        raise SecretNotFoundError(f"{resource!r} can't be the name of a file")
    return parts


def _without_line_end(content: bytes) -> bytes:
    """Drop one line end at the end: editors and ``echo`` add it, and ``$(cat file)`` drops it too."""
    return content.removesuffix(b"\n").removesuffix(b"\r") if content.endswith(b"\n") else content
