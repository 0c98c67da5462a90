"""A strict OAuth 2.0 identity provider: it checks what RFC 6749 and RFC 7523 say a token request must be."""

from __future__ import annotations

import base64
import binascii
import secrets
import threading
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote_plus

from tests.servers.certificates import Certificates
from tests.servers.json_server import JsonServer, Reply, Request

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class RefusedError(Exception):
    """An OAuth error: its status and its code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status = status
        self.code = code


class IdentityProvider:
    """One client and one user; a context manager.

    Args:
        client_id: the client.
        client_secret: its secret; :attr:`client_secrets` may hold several, as during a rotation.
        auth_method: the only way in which the client may log in.
        users: passwords by user name.
        tls: its certificate.

    Attributes:
        answers: where it isn't ``None``, it answers instead: a function of the request.
        expires_in: what it says of a token's life; ``None`` for nothing.
        issued: all tokens, in order.
        valid: those that an upstream should take.
        asked: the forms of all requests, in order.
    """

    def __init__(
        self,
        *,
        client_id: str = "gateway",
        client_secret: str = "sesame-client",
        auth_method: str = "client_secret_post",
        users: Mapping[str, str] | None = None,
        tls: Certificates | None = None,
    ) -> None:
        self.client_id = client_id
        self.client_secrets = {client_secret}
        self.auth_method = auth_method
        self.users = dict(users or {})
        self.scopes = {"openid", "orders:read"}
        self.expires_in: Any = 3600
        self.answers: Callable[[Request], Reply] | None = None
        self.issued: list[str] = []
        self.valid: set[str] = set()
        self.asked: list[list[tuple[str, str]]] = []
        self.headers: list[Mapping[str, str]] = []
        self._seen_jti: set[str] = set()
        self._lock = threading.Lock()
        self.server = JsonServer(self._answer, tls)

    def __enter__(self) -> IdentityProvider:
        self.server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.server.__exit__()

    @property
    def token_endpoint(self) -> str:
        """The address to ask for tokens."""
        return f"{self.server.url}/oauth/token"

    def revoke_all(self) -> None:
        """Make an upstream refuse every token issued so far."""
        self.valid.clear()

    def _answer(self, request: Request) -> Reply:
        with self._lock:
            self.asked.append(parse_qsl(request.body.decode(), keep_blank_values=True))
            self.headers.append(request.headers)
        if self.answers is not None:
            return self.answers(request)
        try:
            return Reply(self._grant(request), headers={"Cache-Control": "no-store"})
        except RefusedError as error:
            return Reply({"error": error.code, "error_description": f"about {request.body.decode()}"}, error.status)

    def _grant(self, request: Request) -> dict[str, Any]:
        if (request.method, request.path) != ("POST", "/oauth/token"):
            raise RefusedError(404, "not_found")
        if request.headers.get("content-type") != "application/x-www-form-urlencoded":
            raise RefusedError(415, "invalid_request")
        pairs = parse_qsl(request.body.decode(), keep_blank_values=True, strict_parsing=True)
        names = [name for name, _ in pairs if name != "audience"]
        if len(names) != len(set(names)):
            raise RefusedError(400, "invalid_request")  # RFC 6749, 3.2: not more than once
        form = dict(pairs)
        self._check_client(request, form)
        self._check_grant(form)
        if not set(form.get("scope", "").split()) <= self.scopes:
            raise RefusedError(400, "invalid_scope")
        token = f"at-{secrets.token_urlsafe(24)}"
        with self._lock:
            self.issued.append(token)
            self.valid.add(token)
        answer = {"access_token": token, "token_type": "Bearer"}
        return answer if self.expires_in is None else answer | {"expires_in": self.expires_in}

    def _check_grant(self, form: Mapping[str, str]) -> None:
        grant = form.get("grant_type")
        if grant == "password":
            if self.users.get(form.get("username", "")) != form.get("password"):
                raise RefusedError(400, "invalid_grant")
        elif grant != "client_credentials":
            raise RefusedError(400, "unsupported_grant_type")

    def _check_client(self, request: Request, form: Mapping[str, str]) -> None:
        used = {
            "client_secret_basic": "authorization" in request.headers,
            "client_secret_post": "client_secret" in form,
            "client_secret_jwt": "client_assertion" in form,
        }
        if [name for name, is_used in used.items() if is_used] != [self.auth_method][: self.auth_method != "none"]:
            raise RefusedError(401, "invalid_client")
        ok = getattr(self, f"_by_{self.auth_method}")(request, form)
        if not ok:
            raise RefusedError(401, "invalid_client")

    def _by_none(self, _: Request, form: Mapping[str, str]) -> bool:
        return form.get("client_id") == self.client_id

    def _by_client_secret_post(self, _: Request, form: Mapping[str, str]) -> bool:
        return form.get("client_id") == self.client_id and form.get("client_secret") in self.client_secrets

    def _by_client_secret_basic(self, request: Request, _: Mapping[str, str]) -> bool:
        scheme, _, encoded = request.headers["authorization"].partition(" ")
        try:
            client_id, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return False
        known = unquote_plus(client_id) == self.client_id and unquote_plus(secret) in self.client_secrets
        return scheme == "Basic" and known

    def _by_client_secret_jwt(self, _: Request, form: Mapping[str, str]) -> bool:
        import jwt

        if form.get("client_assertion_type") != _ASSERTION_TYPE:
            return False
        for secret in self.client_secrets:
            try:
                claims = jwt.decode(
                    form["client_assertion"],
                    secret,
                    algorithms=["HS256", "HS512"],
                    audience=self.token_endpoint,
                    options={"require": ["iss", "sub", "aud", "exp", "jti"]},
                )
            except jwt.PyJWTError:
                continue
            with self._lock:
                is_new = claims["jti"] not in self._seen_jti
                self._seen_jti.add(claims["jti"])
            short_lived = claims["exp"] - claims["iat"] <= 300
            return is_new and short_lived and claims["iss"] == claims["sub"] == self.client_id
        return False
