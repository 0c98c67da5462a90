"""Where entries are stored: the contract of the memory and the redis strategy."""

from __future__ import annotations

from typing import Protocol

__all__ = ["Storage"]


class Storage(Protocol):
    """A store of bytes by cache key. Called from several threads or greenlets at once."""

    def fetch(self, key: str) -> bytes | None:
        """Return what was stored under ``key``, ``None`` for nothing.

        Raises:
            VaultError: the store can't be reached, or a reference in its config can't be resolved.
        """

    def store(self, key: str, value: bytes, kept_s: float) -> None:
        """Store ``value`` under ``key`` for ``kept_s`` seconds, over whatever was there.

        Raises:
            VaultError: see :meth:`fetch`.
        """
