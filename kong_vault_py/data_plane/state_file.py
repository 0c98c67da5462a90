"""The last configuration on disk, encrypted: what a node starts with when the manager is down."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from kong_vault_py.config_store.durable import locked, replace_file
from kong_vault_py.config_store.envelope import Envelope
from kong_vault_py.config_store.master_keys import MasterKeys
from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret

__all__ = ["StateFile"]

_MAX_BYTES = 256 * 1024 * 1024
_LOCK_WAIT_S = 5.0


class StateFile:
    """Keeps a document, mode 0600, replaced as a whole. Several processes of a node may share it.

    Args:
        path: the file.
        key: the master key's source.
        manager: whose words it keeps: they are bound to its URL.
        resolve: resolves the key's reference.
    """

    def __init__(self, path: Path, key: str, manager: str, resolve: Callable[[str], Secret]) -> None:
        self._path = path
        self._key = key
        self._about = b"node state\0" + manager.encode()
        self._resolve = resolve

    def load(self) -> Any:
        """Return the document; ``None`` where there is no file yet.

        Raises:
            ConfigError: it can't be read or opened.
            VaultError: the key's reference can't be resolved.
        """
        try:
            with self._path.open("rb") as file:
                sealed = file.read(_MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ConfigError(f"state file {self._path}: can't read it: {error.strerror}") from None
        try:
            return json.loads(self._envelope().open(sealed, self._about))
        except ConfigError as error:
            raise ConfigError(f"state file {self._path}: {error}") from None

    def save(self, document: Mapping[str, Any]) -> None:
        """Keep a document instead of the last one.

        Raises:
            ConfigError: it can't be sealed or written.
            VaultError: the key's reference can't be resolved.
        """
        sealed = self._envelope().seal(json.dumps(document).encode(), self._about)
        try:
            with locked(self._path, wait_s=_LOCK_WAIT_S) as target:
                replace_file(target, sealed)
        except OSError as error:
            raise ConfigError(f"state file {self._path}: can't write it: {error.strerror or error}") from None

    def _envelope(self) -> Envelope:
        return Envelope(MasterKeys.load(self._key, self._resolve))
