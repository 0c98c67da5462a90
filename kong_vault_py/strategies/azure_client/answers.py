"""Where the SDK's errors become errors of ours: refused reads, and failed logins."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    VaultError,
)
from kong_vault_py.secret import mask

if TYPE_CHECKING:
    from azure.core.exceptions import HttpResponseError

__all__ = ["login_failed", "not_azures", "refused"]

_MAX_REASON_CHARS = 300


def login_failed(error: BaseException, doing: str) -> VaultError:
    """Return the error for a login that the SDK gave up.

    Args:
        error: what the SDK raised; it wraps what our own connections raised.
        doing: what the login was, for the error text.
    """
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, VaultError):
            return cause
        cause = cause.__cause__ or cause.__context__
    said = str(getattr(error, "message", None) or error)
    if "additionally_allowed_tenants" in said:
        return AuthenticationError(f"{doing}: the key vault is of another tenant than option 'tenant_id' says")
    return AuthenticationError(
        f"{doing}: refused ({_line(said)}); check the client secret and options 'tenant_id', 'client_id' and "
        "'authority_host', or the managed identity"
    )


def refused(error: HttpResponseError, doing: str) -> VaultError:
    """Return the error for a request that the vault refused."""
    status = error.status_code
    code, inner, message = _parts(error)
    if status == 404 and code == "SecretNotFound":
        return SecretNotFoundError(f"{doing}: there is no such secret or version in this key vault")
    if status == 401:
        return AuthenticationError(
            f"{doing}: the key vault refuses our token ({message or 'HTTP 401'}); is it a vault of tenant 'tenant_id'?"
        )
    if status == 403:
        return _forbidden(inner, doing, message)
    said = f"HTTP {status}{': ' + message if message else ''}"
    return InvalidResponseError(f"{doing}: the key vault answered {said}; check option 'vault_uri'")


def not_azures(doing: str) -> InvalidResponseError:
    """Return the error for an answer that the SDK can't make sense of."""
    return InvalidResponseError(
        f"{doing}: the answer is not a key vault's, or asks for a login to some other host; check option 'vault_uri'"
    )


def _forbidden(inner: str, doing: str, message: str) -> VaultError:
    if inner == "SecretDisabled":
        return SecretNotFoundError(f"{doing}: it is disabled; enable it, or a newer version")
    if inner == "ForbiddenByFirewall":
        return PermissionDeniedError(f"{doing}: the key vault's firewall does not let this address in")
    return PermissionDeniedError(
        f"{doing}: this identity may not read it ({inner or message or 'HTTP 403'}); give it the role "
        "'Key Vault Secrets User', or secret permissions in the access policy"
    )


def _parts(error: HttpResponseError) -> tuple[str, str, str]:
    """Return code, inner code and message of Azure's error object; "" for what is missing."""
    try:
        body: Any = json.loads(error.response.text()) if error.response is not None else None
    except ValueError:
        body = None
    details = body.get("error") if isinstance(body, dict) else None
    if not isinstance(details, dict):
        return "", "", ""
    # Azure spells it both ways.
    inner = details.get("innererror") or details.get("innerError")
    inner_code = inner.get("code") if isinstance(inner, dict) else None
    return str(details.get("code") or ""), _line(str(inner_code or "")), _line(str(details.get("message") or ""))


def _line(text: str) -> str:
    """Return what is worth printing of a message: one line, without live secrets and trace numbers."""
    line = mask(" ".join(text.split())).partition(" Trace ID:")[0]
    return "".join(char if char.isprintable() else "?" for char in line[:_MAX_REASON_CHARS])
