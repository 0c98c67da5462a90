"""Google's side of a login, strictly: service accounts with keys, and the token endpoint that their JWTs are for.

Written from Google's public description ("Using OAuth 2.0 for Server to Server Applications", RFC 7523).
"""

from __future__ import annotations

import base64
import binascii
import json
import secrets
import threading
import time
import urllib.parse
from dataclasses import dataclass, field
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.servers.http_service import Answer, HttpService, Request

CLOUD_PLATFORM = "https://www.googleapis.com/auth/cloud-platform"
#: The audience of every login, wherever the endpoint is reached: google-auth sends no other.
_AUDIENCE = "https://oauth2.googleapis.com/token"
_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_LONGEST_LIFE_S = 3600
_CLOCK_SKEW_S = 300


@dataclass
class GoogleAccounts(HttpService):
    """The token endpoint, and the book of who is who; a context manager.

    Attributes:
        logins: how many tokens were asked for.
        refuse_with: answer every login with this instead.
        lifetime_s: seconds that a token is said to be good for.
    """

    logins: int = 0
    refuse_with: Answer | None = None
    lifetime_s: int = 3599
    _keys: dict[str, tuple[str, rsa.RSAPublicKey]] = field(default_factory=dict)
    _tokens: dict[str, str] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def token_uri(self) -> str:
        """Where logins go."""
        return f"{self.url}/token"

    @property
    def tokens(self) -> list[str]:
        """Every token issued and not revoked."""
        return list(self._tokens)

    def make_account(self, name: str, *, known: bool = True) -> dict[str, str]:
        """Make a service account and return the JSON of its key; one not ``known`` was deleted since."""
        key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
        email, key_id = f"{name}@test-project.iam.gserviceaccount.com", secrets.token_hex(20)
        if known:
            self._keys[email] = (key_id, key.public_key())
        pem = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        return {
            "type": "service_account",
            "project_id": "test-project",
            "private_key_id": key_id,
            "private_key": pem.decode(),
            "client_email": email,
            "client_id": "1234567890",
            "auth_uri": f"{self.url}/auth",
            "token_uri": self.token_uri,
        }

    def issue(self, email: str) -> str:
        """Return a new access token for an account."""
        token = f"ya29.c.{secrets.token_urlsafe(40)}"
        with self._lock:
            self._tokens[token] = email
        return token

    def revoke_all(self) -> None:
        """Make every token issued so far invalid."""
        with self._lock:
            self._tokens.clear()

    def whose(self, authorization: str | None) -> str | None:
        """Return the account that an ``Authorization`` header stands for."""
        scheme, _, token = (authorization or "").partition(" ")
        return self._tokens.get(token) if scheme == "Bearer" else None

    def answer(self, request: Request) -> Answer:
        """Exchange a signed assertion for an access token, or say what is wrong as Google does."""
        with self._lock:
            self.logins += 1
        if self.refuse_with:
            return self.refuse_with
        if (request.method, request.path) != ("POST", "/token"):
            return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "text/html")
        if request.headers.get("Content-Type") != "application/x-www-form-urlencoded":
            return _refused("invalid_request", "Bad content type")
        form = urllib.parse.parse_qs(request.body.decode(), strict_parsing=True)
        if set(form) != {"grant_type", "assertion"} or form["grant_type"] != [_GRANT]:
            return _refused("unsupported_grant_type", "Invalid grant_type")
        try:
            email = self._email_of(form["assertion"][0])
        except _WrongAssertionError as error:
            return _refused("invalid_grant", str(error))
        return Answer.of_json(
            200, {"access_token": self.issue(email), "expires_in": self.lifetime_s, "token_type": "Bearer"}
        )

    def _email_of(self, assertion: str) -> str:
        parts = assertion.split(".")
        if len(parts) != 3:
            raise _WrongAssertionError("Bad Request")
        header, claims = _decoded(parts[0]), _decoded(parts[1])
        key_id, key = self._keys.get(str(claims.get("iss")), (None, None))
        if key is None:
            raise _WrongAssertionError("Invalid grant: account not found")
        if header.get("alg") != "RS256" or header.get("typ") != "JWT" or header.get("kid") != key_id:
            raise _WrongAssertionError("Invalid JWT Signature.")
        try:
            signed = ".".join(parts[:2]).encode()
            key.verify(_unpadded(parts[2]), signed, padding.PKCS1v15(), hashes.SHA256())
        except InvalidSignature:
            raise _WrongAssertionError("Invalid JWT Signature.") from None
        self._check_claims(claims)
        return str(claims["iss"])

    @staticmethod
    def _check_claims(claims: dict[str, Any]) -> None:
        now_s = time.time()
        if claims.get("aud") != _AUDIENCE:
            raise _WrongAssertionError("Invalid JWT: Failed audience check.")
        if CLOUD_PLATFORM not in str(claims.get("scope")).split():
            raise _WrongAssertionError("Invalid OAuth scope or ID token audience provided.")
        issued_s, expires_s = claims.get("iat"), claims.get("exp")
        if not (isinstance(issued_s, int) and isinstance(expires_s, int)):
            raise _WrongAssertionError("Invalid JWT: iat and exp are required")
        if not (issued_s - _CLOCK_SKEW_S <= now_s < expires_s <= issued_s + _LONGEST_LIFE_S + _CLOCK_SKEW_S):
            raise _WrongAssertionError("Invalid JWT: Token must be a short-lived token (60 minutes)")


class _WrongAssertionError(Exception):
    """Why a login is refused, in Google's words."""


def _refused(error: str, description: str) -> Answer:
    return Answer.of_json(400, {"error": error, "error_description": description})


def _unpadded(text: str) -> bytes:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except binascii.Error:
        raise _WrongAssertionError("Bad Request") from None


def _decoded(text: str) -> dict[str, Any]:
    try:
        decoded = json.loads(_unpadded(text))
    except ValueError:
        raise _WrongAssertionError("Bad Request") from None
    if not isinstance(decoded, dict):
        raise _WrongAssertionError("Bad Request")
    return decoded
