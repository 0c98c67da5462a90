"""An envelope that reads its master keys again when it meets one that it doesn't know: no restart for a new key."""

from __future__ import annotations

from collections.abc import Callable

from kong_vault_py.config_store import BrokenSealError, Envelope, MasterKeys, WrongMasterKeyError

__all__ = ["LiveEnvelope"]


class LiveEnvelope(Envelope):
    """Seals and opens values with the master keys as they are now.

    Args:
        load: reads the keys; its errors are those of :meth:`MasterKeys.load`.
    """

    def __init__(self, load: Callable[[], MasterKeys]) -> None:
        super().__init__(load())
        self._load = load

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return the value; see :meth:`Envelope.open`."""
        try:
            return super().open(sealed, about)
        except BrokenSealError:
            raise
        except WrongMasterKeyError:
            self.reload()
            return super().open(sealed, about)

    def reload(self) -> None:
        """Read the master keys again."""
        self._keys = self._load()
