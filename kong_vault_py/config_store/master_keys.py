"""Master keys: 256 random bits each, the current one first, then those of the past that still open what they sealed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from kong_vault_py.config_store.key_file import read_key_file
from kong_vault_py.errors import ConfigError, MissingDependencyError
from kong_vault_py.secret import Secret

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["KEY_ID_BYTES", "MasterKey", "MasterKeys", "aes_gcm", "new_key_text"]

KEY_ID_BYTES = 8
_KEY_BYTES = 32
#: Before each key's base64: so that a password, or another tool's key, is no master key by accident.
_LABEL = "kong-vault-master-key-1:"
_KEY_ID_DOMAIN = b"kong-vault master key id\0"


class MasterKey:
    """One master key. Its id follows from it, so no key can pass for another.

    Args:
        key: 32 random bytes.
    """

    __slots__ = ("_cipher", "_key", "id")

    def __init__(self, key: bytes) -> None:
        if len(key) != _KEY_BYTES:
            raise ConfigError(f"a master key is {_KEY_BYTES} bytes long, this one {len(key)}")
        self._key = key
        self._cipher: AESGCM | None = None
        self.id = hashlib.sha256(_KEY_ID_DOMAIN + key).digest()[:KEY_ID_BYTES]

    @property
    def cipher(self) -> AESGCM:
        """The key's AES-256-GCM; safe for threads."""
        if self._cipher is None:
            self._cipher = aes_gcm(self._key)
        return self._cipher

    def __repr__(self) -> str:
        return f"MasterKey(id={self.id.hex()!r})"


@dataclass(frozen=True)
class MasterKeys:
    """The master keys at hand.

    Attributes:
        current: seals; opens too.
        old: open what they sealed before a rotation.
    """

    current: MasterKey
    old: tuple[MasterKey, ...] = ()

    @classmethod
    def load(cls, source: str, resolve: Callable[[str], Secret | str] | None = None) -> MasterKeys:
        """Read the keys from where an operator keeps them.

        Args:
            source: ``file:/path`` (mode 0600), ``env:NAME``, or a ``{vault://...}`` reference to another vault; or the
                keys' text itself, which is what such a reference has become where the resolver has been at work.
            resolve: resolves such a reference; without it, there can be none.

        Raises:
            ConfigError: there are no keys, others may read the file, or the source is of no such form.
            VaultError: the reference can't be resolved.
        """
        scheme, _, rest = source.partition(":")
        if scheme == "file" and rest:
            return cls.parse(read_key_file(rest), f"master key file {rest}")
        if scheme == "env" and rest:
            text = os.environ.get(rest)
            if not text:
                raise ConfigError(f"master key: environment variable {rest!r} is not set")
            return cls.parse(text, f"environment variable {rest!r}")
        if source.startswith("{vault://"):
            if resolve is None:
                raise ConfigError("master key: a reference can't be used here; expected file:<path> or env:<variable>")
            found = resolve(source)
            return cls.parse(found.reveal() if isinstance(found, Secret) else found, f"reference {source}")
        if source.lstrip().startswith(_LABEL):
            return cls.parse(source, "the master key's text")
        # Not repeated: it may be the key itself.
        raise ConfigError("master key: expected file:<path>, env:<variable> or a {vault://...} reference")

    @classmethod
    def parse(cls, text: str, where: str) -> MasterKeys:
        """Return the keys that a text holds, the current one first.

        Args:
            text: a key per line (or separated by spaces), as :func:`new_key_text` makes them; ``#`` starts a comment.
            where: what holds the text, for error messages.

        Raises:
            ConfigError: it holds none, or something else.
        """
        lines = (line.partition("#")[0] for line in text.splitlines())
        keys = [_parsed(word, where) for line in lines for word in line.split()]
        if not keys:
            raise ConfigError(f"{where} holds no master key; make one: kong-vault store new-key FILE")
        return cls(keys[0], tuple(keys[1:]))

    @property
    def all(self) -> Sequence[MasterKey]:
        """The current key and the old ones."""
        return (self.current, *self.old)

    def find(self, key_id: bytes) -> MasterKey | None:
        """Return the key of an id, if it is at hand."""
        return next((key for key in self.all if key.id == key_id), None)


def new_key_text() -> str:
    """Return a new random master key as a key file's line."""
    return _LABEL + base64.b64encode(os.urandom(_KEY_BYTES)).decode("ascii")


def aes_gcm(key: bytes) -> AESGCM:
    """Return the cipher of a 32-byte key.

    Raises:
        MissingDependencyError: cryptography is not installed.
    """
    try:
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"the Config Store needs the Python package '{error.name}': pip install 'kong-vault-py[store]'"
        ) from error
    return AESGCM(key)


def _parsed(word: str, where: str) -> MasterKey:
    label, text = word[: len(_LABEL)], word[len(_LABEL) :]
    try:
        key = base64.b64decode(text, validate=True) if label == _LABEL else b""
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != _KEY_BYTES:
        raise ConfigError(f"{where} holds something that is no master key; make one: kong-vault store new-key FILE")
    return MasterKey(key)
