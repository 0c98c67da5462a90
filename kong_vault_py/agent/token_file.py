"""The token that requests over TCP carry."""

from __future__ import annotations

import hmac
import logging
import os
import re
import stat
from pathlib import Path

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret

__all__ = ["TokenFile"]

log = logging.getLogger(__name__)

_SHORTEST_CHARS = 16
#: What a header field can hold, and what the Lua strategies send.
_TOKEN = re.compile(rb"[!-~]+")


class TokenFile:
    """A token, read from a file that only its owner may read.

    Args:
        path: the file.

    Raises:
        ConfigError: it can't be read, others may read it, or it holds no token.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._token = self._read()

    def matches(self, presented: str) -> bool:
        """Compare in constant time."""
        return hmac.compare_digest(self._token.reveal_bytes(), presented.encode("utf-8", "surrogateescape"))

    def reload(self) -> None:
        """Read the file again; keeps the old token where that fails."""
        try:
            self._token = self._read()
        except ConfigError as error:
            log.error("%s; the old token stays", error)

    def _read(self) -> Secret:
        try:
            with self._path.open("rb") as file:
                mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
                content = file.read().strip()
        except OSError as error:
            raise ConfigError(f"token file {self._path}: can't read it: {error.strerror}") from error
        if mode & 0o077:
            raise ConfigError(f"token file {self._path} has mode {mode:04o}, others may use it: chmod 600 it")
        if len(content) < _SHORTEST_CHARS or not _TOKEN.fullmatch(content):
            raise ConfigError(
                f"token file {self._path}: a token is one line of at least {_SHORTEST_CHARS} printable ASCII "
                "characters, without spaces"
            )
        return Secret(content)
