"""This node's token at the manager: from the settings, a reference in them, or a file that may be replaced."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

from kong_vault_py.errors import ConfigError
from kong_vault_py.reference import is_reference
from kong_vault_py.secret import Secret
from kong_vault_py.settings import RuntimeSettings

__all__ = ["NodeToken"]

_MAX_BYTES = 4096


class NodeToken:
    """Reads the token anew each time, so that a rotated one is used without a restart.

    Args:
        runtime: the settings; one of ``node_token`` and ``node_token_file`` is set.
        resolve: resolves a reference.
    """

    def __init__(self, runtime: RuntimeSettings, resolve: Callable[[str], Secret]) -> None:
        self._given = runtime.node_token
        self._file = Path(runtime.node_token_file) if runtime.node_token_file else None
        self._resolve = resolve
        #: The token read last.
        self.latest: Secret | None = None

    def read(self) -> Secret:
        """Return the token.

        Raises:
            ConfigError: there is none, or it can't be one.
            VaultError: its reference can't be resolved.
        """
        if self._file is not None:
            token, where = _read_file(self._file), f"node token file {self._file}"
        else:
            token, where = self._given or Secret(""), "vault_py_node_token"
            if is_reference(token.reveal()):
                token = self._resolve(token.reveal())
        text = token.reveal()
        if not text or not (text.isascii() and text.isprintable()) or " " in text:
            raise ConfigError(f"{where}: no node token looks like that")
        self.latest = token
        return token


def _read_file(path: Path) -> Secret:
    try:
        # Non-blocking, since opening a FIFO would otherwise wait for its writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            content = file.read(_MAX_BYTES) if stat.S_ISREG(found.st_mode) else b""
    except OSError as error:
        raise ConfigError(f"node token file {path}: can't read it: {error.strerror}") from None
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise ConfigError(f"node token file {path}: others may use it (mode {mode:04o}); chmod 600 it")
    return Secret(content.strip())
