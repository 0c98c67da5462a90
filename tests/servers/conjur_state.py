"""What Conjur remembers and decides: roles, privileges, variables with their versions, signed tokens.

Written from Conjur's public API description and its own acceptance tests' wording of what must happen.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from typing import Any

_KEPT_VERSIONS = 20
_DEFAULT_LIFE_S = 480


class RefusedTokenError(Exception):
    """An access token is malformed, forged, expired or revoked."""


class ConjurState:
    """One organization account.

    Args:
        account: its name.
        clock: returns seconds since 1970.

    Attributes:
        token_life_s: for tokens given from now on.
    """

    def __init__(self, account: str, clock: Callable[[], float] = time.time) -> None:
        self.account = account
        self.token_life_s = _DEFAULT_LIFE_S
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._api_keys: dict[str, str] = {}
        self._values: dict[str, dict[int, bytes]] = {}
        self._privileges: dict[tuple[str, str], set[str]] = {}

    def add_role(self, login: str) -> str:
        """Make a user ("dave") or a host ("host/gateway/kong"); return its API key."""
        self._api_keys[login] = "k" + secrets.token_hex(26)
        return self._api_keys[login]

    def rotate_api_key(self, login: str) -> str:
        return self.add_role(login)

    def revoke_tokens(self) -> None:
        """Exchange the account's signing key: no token that was given so far is good."""
        self._key = secrets.token_bytes(32)

    def add_variable(self, name: str) -> None:
        """Make a variable without a value."""
        self._values.setdefault(name, {})

    def set_value(self, name: str, value: bytes) -> None:
        """Add a version; refuses a blank value, as Conjur does."""
        if not value.strip():
            raise ValueError("'value' may not be empty")
        self.add_variable(name)
        versions = self._values[name]
        if not versions or versions[max(versions)] != value:
            versions[max(versions, default=0) + 1] = value
        for version in sorted(versions)[:-_KEPT_VERSIONS]:
            del versions[version]

    def remove_variable(self, name: str) -> None:
        del self._values[name]
        for pair in [pair for pair in self._privileges if pair[1] == name]:
            del self._privileges[pair]

    def permit(self, login: str, name: str, *privileges: str) -> None:
        """Give a role privileges on a variable, in place of those it has: read, execute, update."""
        self._privileges[login, name] = set(privileges)

    def authenticate(self, login: str, api_key: str) -> dict[str, str] | None:
        """Return a token for an API key, ``None`` where it is wrong."""
        known = self._api_keys.get(login)
        if known is None or not hmac.compare_digest(known.encode(), api_key.encode()):
            return None
        now_s = int(self._clock())
        payload = _encoded({"sub": login, "iat": now_s, "exp": now_s + self.token_life_s})
        protected = _encoded({"alg": "conjur.org/slosilo/v2", "kid": hashlib.sha256(self._key).hexdigest()})
        return {"protected": protected, "payload": payload, "signature": self._signature(protected, payload)}

    def role_of(self, token: Any) -> str:
        """Return the login that a token was given to.

        Raises:
            RefusedTokenError: it is not good now.
        """
        if not isinstance(token, dict) or set(token) != {"protected", "payload", "signature"}:
            raise RefusedTokenError("Malformed authorization token")
        if not hmac.compare_digest(self._signature(token["protected"], token["payload"]), token["signature"]):
            raise RefusedTokenError("Unauthorized: Invalid token")
        claims = json.loads(base64.urlsafe_b64decode(token["payload"]))
        if claims["exp"] <= self._clock():
            raise RefusedTokenError("Unauthorized: Invalid token")
        return str(claims["sub"])

    def visible(self, login: str, name: str) -> bool:
        """Whether a role may know that a variable exists."""
        return name in self._values and bool(self._privileges.get((login, name)))

    def exists(self, name: str) -> bool:
        return name in self._values

    def allowed(self, login: str, name: str, privilege: str) -> bool:
        return privilege in self._privileges.get((login, name), set())

    def value(self, name: str, version: int | None = None) -> bytes | None:
        """Return a version's value, ``None`` where there is none."""
        versions = self._values.get(name, {})
        return versions.get(max(versions, default=0) if version is None else version)

    def _signature(self, protected: str, payload: str) -> str:
        signed = hmac.new(self._key, f"{protected}.{payload}".encode(), "sha256").digest()
        return base64.urlsafe_b64encode(signed).decode()


def _encoded(claims: dict[str, Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(claims).encode()).decode()
