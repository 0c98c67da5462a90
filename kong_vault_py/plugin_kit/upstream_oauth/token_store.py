"""Tokens in Redis, shared by gateways: sealed, so that who reads Redis reads no token.

Name and key of an entry are derived from all values of the config's ``oauth`` section, secrets included: gateways find
each other's token if these are equal, and nobody else can open it. A rotated secret makes another name.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from kong_vault_py.errors import MissingDependencyError
from kong_vault_py.plugin_kit.redis_access import RedisAccess
from kong_vault_py.plugin_kit.upstream_oauth.token import Token
from kong_vault_py.secret import Secret

__all__ = ["KEY_PREFIX", "TokenStore"]

KEY_PREFIX = "kong_vault_py:upstream-oauth:"

_FORMAT = b"\x01"
_NONCE_BYTES = 12
_NAME_BYTES, _KEY_BYTES = 16, 32
# Slow on purpose (about 50 ms, once per change of a secret): a user's password may be guessable.
_SCRYPT = {"n": 2**14, "r": 8, "p": 1, "maxmem": 64 * 1024 * 1024}
_SALT = b"kong-vault-py upstream-oauth v1"


class _Place(NamedTuple):
    name: str
    key: bytes


class TokenStore:
    """The token of one ``oauth`` section in one Redis.

    Args:
        access: the Redis.
        config: returns the plugin's current config, resolved.

    Raises:
        MissingDependencyError: ``cryptography`` isn't installed.
    """

    def __init__(self, access: RedisAccess, config: Callable[[], Mapping[str, Any]]) -> None:
        try:
            from cryptography.hazmat.primitives.ciphers import aead
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "tokens in Redis need the Python package 'cryptography': pip install 'kong-vault-py[oauth]'"
            ) from error
        self._cipher = aead.AESGCM
        self._access = access
        self._config = config
        self._latest: tuple[Mapping[str, Any], _Place] | None = None

    def load(self) -> Token | None:
        """Return the token, ``None`` where there is none that we can open.

        Raises:
            VaultError: Redis can't be asked, or a reference can't be resolved.
        """
        place = self._place()
        sealed = self._access.run(lambda client: client.get(place.name))
        return None if sealed is None else self._open(sealed, place)

    def save(self, token: Token, kept_s: float) -> None:
        """Store the token for ``kept_s`` seconds. Raises VaultError: see :meth:`load`."""
        place = self._place()
        nonce = os.urandom(_NONCE_BYTES)
        plain = json.dumps([token.value.reveal(), token.valid_until_s]).encode()
        sealed = _FORMAT + nonce + self._cipher(place.key).encrypt(nonce, plain, place.name.encode())
        self._access.run(lambda client: client.set(place.name, sealed, kept_s))

    def discard(self, value: Secret) -> None:
        """Delete the token if it is still this one. Raises VaultError: see :meth:`load`."""
        place = self._place()
        sealed = self._access.run(lambda client: client.get(place.name))
        stored = None if sealed is None else self._open(sealed, place)
        if sealed is not None and stored is not None and stored.value == value:
            self._access.run(lambda client: client.delete_if(place.name, sealed))

    def _open(self, sealed: bytes, place: _Place) -> Token | None:
        from cryptography.exceptions import InvalidTag

        nonce, rest = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        if sealed[:1] != _FORMAT or len(nonce) != _NONCE_BYTES:
            return None
        try:
            value, valid_until_s = json.loads(self._cipher(place.key).decrypt(nonce, rest, place.name.encode()))
        except InvalidTag:
            return None
        return Token(Secret(value), valid_until_s)

    def _place(self) -> _Place:
        config = self._config()
        latest = self._latest
        if latest is not None and latest[0] is config:
            return latest[1]
        values = json.dumps(config["oauth"], sort_keys=True, default=_revealed).encode()
        derived = hashlib.scrypt(values, salt=_SALT, dklen=_NAME_BYTES + _KEY_BYTES, **_SCRYPT)
        place = _Place(KEY_PREFIX + derived[:_NAME_BYTES].hex(), derived[_NAME_BYTES:])
        self._latest = (config, place)
        return place


def _revealed(value: object) -> str:
    if not isinstance(value, Secret):
        raise TypeError(type(value).__name__)
    return value.reveal()
