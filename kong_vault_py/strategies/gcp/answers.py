"""Where Google's refusals become errors of ours: the one border for the API's statuses."""

from __future__ import annotations

from typing import Any

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.gcp.connections import Answer
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["refused"]

_TOO_MANY_REQUESTS = 429
# Google's canonical codes (google.rpc.Code) that say: not now.
_NOT_NOW = {"RESOURCE_EXHAUSTED", "UNAVAILABLE", "INTERNAL", "ABORTED", "CANCELLED", "UNKNOWN"}
_NOT_ALLOWED_BY_IAM = "IAM_PERMISSION_DENIED"


def refused(answer: Answer, doing: str) -> VaultError:
    """Return the error for an answer that is no success."""
    error = _error_of(answer)
    if error is None:
        return _not_googles(answer, doing)
    status, reason = str(error.get("status")), one_line(str(error.get("message", ""))).rstrip(".")
    if status == "NOT_FOUND":
        return SecretNotFoundError(f"{doing}: there is no such secret or version ({reason})")
    if status == "FAILED_PRECONDITION":
        return _not_readable(doing, reason)
    if status == "PERMISSION_DENIED":
        return _denied(error, doing, reason)
    if status == "UNAUTHENTICATED":
        return AuthenticationError(f"{doing}: Google does not accept the access token ({reason})")
    if status == "DEADLINE_EXCEEDED":
        return StrategyTimeoutError(f"{doing}: Secret Manager ran out of time ({reason})")
    said = f"{doing}: Secret Manager answered {one_line(status)} ({reason})"
    if status in _NOT_NOW or _is_not_now(answer):
        return UnavailableError(said)
    return InvalidResponseError(f"{said}; check options 'project_id' and 'endpoint_url'")


def _not_readable(doing: str, reason: str) -> VaultError:
    """Return the error for a version that exists and can't be read now."""
    if "cryptokey" in reason.lower() or "kms" in reason.lower():
        # The version is there; the key of the customer that encrypts it is not.
        return UnavailableError(f"{doing}: the Cloud KMS key of the secret can't be used ({reason})")
    return SecretNotFoundError(f"{doing}: that version is disabled or destroyed ({reason})")


def _denied(error: dict[str, Any], doing: str, reason: str) -> VaultError:
    why = {detail.get("reason") for detail in _objects(error.get("details"))} - {None}
    if why and _NOT_ALLOWED_BY_IAM not in why:
        # The API is switched off, the project is gone or has no billing: nothing that a role would mend.
        return UnavailableError(f"{doing}: the project can't use Secret Manager ({reason})")
    return PermissionDeniedError(
        f"{doing}: not allowed, or it does not exist; grant roles/secretmanager.secretAccessor on it ({reason})"
    )


def _not_googles(answer: Answer, doing: str) -> VaultError:
    # A proxy's page for 404 must not pass for Google's word that there is no such secret.
    if _is_not_now(answer):
        return UnavailableError(f"{doing}: HTTP {answer.status_code}")
    return InvalidResponseError(
        f"{doing}: HTTP {answer.status_code} without an error of Google's, so it is not Secret Manager that answers; "
        "check option 'endpoint_url'"
    )


def _is_not_now(answer: Answer) -> bool:
    return answer.status_code >= 500 or answer.status_code == _TOO_MANY_REQUESTS


def _error_of(answer: Answer) -> dict[str, Any] | None:
    """Return the answer's ``error`` object, where it has one with a canonical status."""
    try:
        document = answer.json()
    except ValueError:
        return None
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) and isinstance(error.get("status"), str) else None


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
