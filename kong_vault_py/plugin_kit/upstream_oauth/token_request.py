"""The request for a token, by grant and by the client's way to log in (RFC 6749, 2.3.1 and 4; RFC 7523, 2.2)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import quote_plus, urlsplit

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret

__all__ = ["TokenRequest", "check_oauth", "token_request"]

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ASSERTION_LIFE_S = 60
_HASHES = {"HS256": hashlib.sha256, "HS512": hashlib.sha512}
_FORM = "application/x-www-form-urlencoded"


class TokenRequest(NamedTuple):
    """One POST to the token endpoint. It holds plaintext: make it for one use and keep it nowhere.

    Attributes:
        url: the endpoint.
        where: the endpoint for messages, without its query; ``***`` where it came from a vault.
        headers: by name.
        form: names and values of the body, in order.
    """

    url: str
    where: str
    headers: dict[str, str]
    form: list[tuple[str, str]]

    def __repr__(self) -> str:
        return f"TokenRequest({self.where})"


def check_oauth(oauth: Mapping[str, Any], auth_method: str) -> None:
    """Check that a config has what its grant and login need. Looks at no value.

    Raises:
        ConfigError: something is missing.
    """
    needed = {"client_secret_basic": ("client_id", "client_secret"), "none": ()}.get(
        auth_method, ("client_id", "client_secret")
    )
    if oauth["grant_type"] == "password":
        needed += ("username", "password")
    for name in needed:
        if not oauth.get(name):
            raise ConfigError(f"oauth.{name} is missing: {oauth['grant_type']} with {auth_method} needs it")


def token_request(oauth: Mapping[str, Any], client: Mapping[str, Any], now_s: float) -> TokenRequest:
    """Make the request of a config whose references are resolved.

    Args:
        oauth: the section of that name.
        client: likewise.
        now_s: Unix time, for a signed login.

    Raises:
        ConfigError: what a reference brought doesn't fit.
    """
    url = _endpoint(oauth["token_endpoint"])
    form = [("grant_type", oauth["grant_type"])]
    if oauth["grant_type"] == "password":
        form += [(name, _credential(oauth[name])) for name in ("username", "password")]
    if oauth["scopes"]:
        form.append(("scope", " ".join(map(text, oauth["scopes"]))))
    form += [("audience", text(audience)) for audience in oauth["audience"] or ()]
    headers = {"Accept": "application/json", "Content-Type": _FORM}
    _log_in(headers, form, url, oauth, client, now_s)
    given = {name: text(value) for name, value in (oauth["token_post_args"] or {}).items()}
    form = [(name, value) for name, value in form if name not in given] + list(given.items())
    for name, value in (oauth["token_headers"] or {}).items():
        headers = {known: kept for known, kept in headers.items() if known.lower() != name.lower()}
        headers[name] = _header(text(value), name)
    return TokenRequest(url, _spoken(oauth["token_endpoint"]), headers, form)


def text(value: str | Secret) -> str:
    """Return a plain text, or what a reference stood for."""
    return value.reveal() if isinstance(value, Secret) else value


def _log_in(
    headers: dict[str, str],
    form: list[tuple[str, str]],
    url: str,
    oauth: Mapping[str, Any],
    client: Mapping[str, Any],
    now_s: float,
) -> None:
    method, client_id = client["auth_method"], _credential(oauth["client_id"])
    secret = _credential(oauth["client_secret"])
    if method == "client_secret_basic":
        # Encoded first, as RFC 6749, 2.3.1 has it: a colon in the id would end it.
        pair = f"{_quoted(client_id)}:{_quoted(secret)}".encode()
        headers["Authorization"] = f"Basic {base64.b64encode(pair).decode()}"
        return
    if client_id:
        form.append(("client_id", client_id))
    if method == "client_secret_post":
        form.append(("client_secret", secret))
    elif method == "client_secret_jwt":
        assertion = _assertion(client_id, secret, url, client["client_secret_jwt_alg"], now_s)
        form += [("client_assertion_type", _ASSERTION_TYPE), ("client_assertion", assertion)]


def _credential(value: str | Secret | None) -> str:
    """Return an id, name, secret or password: no line feed can be part of one, and files end with one."""
    return text(value or "").strip("\r\n")


def _assertion(client_id: str, secret: str, url: str, algorithm: str, now_s: float) -> str:
    """Return a JWT (RFC 7519) signed with the client's secret: good for one use, within a minute."""
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": url,
        "jti": secrets.token_hex(16),
        "iat": int(now_s),
        "exp": int(now_s) + _ASSERTION_LIFE_S,
    }
    signed = f"{_base64url_json({'alg': algorithm, 'typ': 'JWT'})}.{_base64url_json(claims)}"
    key = secret.encode("utf-8", "surrogateescape")
    return f"{signed}.{_base64url(hmac.new(key, signed.encode(), _HASHES[algorithm]).digest())}"


def _base64url_json(document: Mapping[str, Any]) -> str:
    return _base64url(json.dumps(document, separators=(",", ":")).encode())


def _base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _endpoint(value: str | Secret) -> str:
    url = text(value).strip()
    if not _is_address(url):
        raise ConfigError(f"oauth.token_endpoint ({_spoken(value)}) is no http:// or https:// address")
    if "@" in urlsplit(url).netloc or "#" in url:
        raise ConfigError(f"oauth.token_endpoint ({_spoken(value)}) holds a user or a fragment: leave it out")
    return url


def _is_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    whole = url.isascii() and url.isprintable() and not set(" \\") & set(url)
    return bool(whole and parts.scheme in ("http", "https") and parts.hostname and port != 0)


def _spoken(value: str | Secret) -> str:
    shown = str(value).partition("?")[0].partition("#")[0]
    scheme, separator, rest = shown.rpartition("//")
    return f"{scheme}{separator}{rest.rpartition('@')[2]}"


def _header(value: str, name: str) -> str:
    stripped = value.strip()
    if not stripped.isprintable() or not stripped.isascii():
        raise ConfigError(f"oauth.token_headers: the value of '{name}' holds what no header may hold")
    return stripped


def _quoted(value: str) -> str:
    return quote_plus(value, errors="surrogateescape")
