"""Sealing a value: AES-256-GCM with a fresh data key, and that key in turn with the master key.

The bytes of a sealed value::

    4  b"KVS1"             which format this is
    8  id of the master key
   60  the data key:       nonce (12), AES-256-GCM of 32 bytes (48); bound to the master key's id
   28+ the value:          nonce (12), AES-256-GCM of it (16 more than it); bound to what the value is about

A new master key changes the first two parts alone, so a rotation need not open any value.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, NamedTuple

from kong_vault_py.config_store.master_keys import KEY_ID_BYTES, MasterKeys, aes_gcm
from kong_vault_py.config_store.refusals import BrokenSealError, WrongMasterKeyError

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

__all__ = ["Envelope"]

_FORMAT = b"KVS1"
_DATA_KEY_BYTES = 32
_NONCE_BYTES = 12
_TAG_BYTES = 16
_WRAPPED_BYTES = _NONCE_BYTES + _DATA_KEY_BYTES + _TAG_BYTES
_HEADER_BYTES = len(_FORMAT) + KEY_ID_BYTES + _WRAPPED_BYTES

# What GCM authenticates besides: the two layers can't be taken for each other.
_KEY_CONTEXT = _FORMAT + b" data key\0"
_VALUE_CONTEXT = _FORMAT + b" value\0"


class _Parts(NamedTuple):
    key_id: bytes
    wrapped: bytes
    value: bytes


class Envelope:
    """Seals and opens values with the master keys at hand. Safe for threads.

    Args:
        keys: the current master key seals; the old ones open what they sealed.
    """

    def __init__(self, keys: MasterKeys) -> None:
        self._keys = keys

    def seal(self, plaintext: bytes, about: bytes) -> bytes:
        """Return the sealed value, 100 bytes longer.

        Args:
            plaintext: the value.
            about: what it is the value of (store, name, version): it opens only with the same words.
        """
        data_key = os.urandom(_DATA_KEY_BYTES)
        return self._wrap(data_key) + _encrypt(aes_gcm(data_key), plaintext, _VALUE_CONTEXT + about)

    def open(self, sealed: bytes, about: bytes) -> bytes:
        """Return the value.

        Raises:
            WrongMasterKeyError: it was sealed with a master key that isn't at hand.
            BrokenSealError: it was altered, or is the value of something else.
        """
        parts = _parts(sealed)
        cipher = aes_gcm(self._unwrap(parts))
        return _decrypt(cipher, parts.value, _VALUE_CONTEXT + about, "was altered, or is the value of another name")

    def rewrap(self, sealed: bytes) -> bytes:
        """Return the sealed value under the current master key; the value itself stays closed.

        Raises:
            WrongMasterKeyError: as :meth:`open`.
            BrokenSealError: as :meth:`open`.
        """
        parts = _parts(sealed)
        if parts.key_id == self._keys.current.id:
            return sealed
        return self._wrap(self._unwrap(parts)) + parts.value

    @staticmethod
    def key_id(sealed: bytes) -> str:
        """Return the id of the master key that a value is sealed with, in hexadecimal digits.

        Raises:
            BrokenSealError: this is no sealed value.
        """
        return _parts(sealed).key_id.hex()

    def _wrap(self, data_key: bytes) -> bytes:
        master = self._keys.current
        return _FORMAT + master.id + _encrypt(master.cipher, data_key, _KEY_CONTEXT + master.id)

    def _unwrap(self, parts: _Parts) -> bytes:
        master = self._keys.find(parts.key_id)
        if master is None:
            raise WrongMasterKeyError(
                f"wrong master key: the value is sealed with key {parts.key_id.hex()}, at hand is {self._at_hand()}"
            )
        return _decrypt(master.cipher, parts.wrapped, _KEY_CONTEXT + master.id, "was altered")

    def _at_hand(self) -> str:
        return ", ".join(key.id.hex() for key in self._keys.all)


def _parts(sealed: bytes) -> _Parts:
    if not sealed.startswith(_FORMAT) or len(sealed) < _HEADER_BYTES + _NONCE_BYTES + _TAG_BYTES:
        raise BrokenSealError("a sealed value was altered, or is of a format that this version does not know")
    key_end = len(_FORMAT) + KEY_ID_BYTES
    return _Parts(sealed[len(_FORMAT) : key_end], sealed[key_end:_HEADER_BYTES], sealed[_HEADER_BYTES:])


def _encrypt(cipher: AESGCM, plaintext: bytes, context: bytes) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + cipher.encrypt(nonce, plaintext, context)


def _decrypt(cipher: AESGCM, sealed: bytes, context: bytes, problem: str) -> bytes:
    from cryptography.exceptions import InvalidTag

    try:
        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], context)
    except InvalidTag:
        raise BrokenSealError(f"a sealed value {problem}") from None
