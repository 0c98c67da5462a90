"""An identity provider that gives RS256 tokens for client credentials, and is strict about how it is asked."""

from __future__ import annotations

import base64
import time
from typing import Any
from urllib.parse import unquote_plus

from tests.servers.certificates import Certificates
from tests.strategies.fake_http import Answered, Asked, FakeHttp
from tests.strategies.tokens_rs256 import SigningKey

_FIELDS = {"grant_type", "audience", "client_id", "client_secret"}


class FakeIdentityProvider(FakeHttp):
    """Knows one client; a context manager.

    Args:
        takes: where it takes the client's credentials: "body" (client_secret_post) or "header" (client_secret_basic).
        tls: speak TLS with these.

    Attributes:
        client_id: the client's id.
        client_secret: the client's secret.
        audience: the only one that the client may ask for.
    """

    client_id = "kong gateway"
    client_secret = "canary/secret+of:the client"
    audience = "https://vault.internal/"

    def __init__(self, takes: str = "body", tls: Certificates | None = None) -> None:
        super().__init__({"POST /oauth/token": self._token, "GET /jwks": self._keys}, tls)
        self._takes = takes
        self._key = SigningKey("idp-1")
        self.endpoint = f"{self.url}/oauth/token"

    def _keys(self, _: Asked) -> Answered:
        return Answered({"keys": [self._key.jwk]})

    def _token(self, asked: Asked) -> Answered:
        form = asked.form
        if set(form) - _FIELDS or any(len(values) > 1 for values in form.values()):
            return _refusal(400, "invalid_request", "unknown or repeated parameters")
        if form.get("grant_type") != ["client_credentials"]:
            return _refusal(400, "unsupported_grant_type", "client_credentials alone")
        credentials = _basic(asked) if self._takes == "header" else _post(form)
        if credentials != (self.client_id, self.client_secret):
            return _refusal(401, "invalid_client", f"{credentials} are not the client's credentials")
        if form.get("audience") != [self.audience]:
            return _refusal(403, "access_denied", "that audience is not for this client")
        return Answered({"access_token": self._signed(), "token_type": "Bearer", "expires_in": 300})

    def _signed(self) -> str:
        now_s = int(time.time())
        claims: dict[str, Any] = {"iss": self.url, "sub": "kong@clients", "aud": self.audience}
        return self._key.sign(claims | {"iat": now_s, "exp": now_s + 300})


def _basic(asked: Asked) -> tuple[str, str]:
    scheme, _, encoded = asked.headers.get("authorization", "").partition(" ")
    if scheme != "Basic" or "client_secret" in asked.form:
        return "", ""
    name, _, secret = base64.b64decode(encoded).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


def _post(form: dict[str, list[str]]) -> tuple[str, str]:
    return form.get("client_id", [""])[0], form.get("client_secret", [""])[0]


def _refusal(status: int, error: str, description: str) -> Answered:
    return Answered({"error": error, "error_description": description}, status)
