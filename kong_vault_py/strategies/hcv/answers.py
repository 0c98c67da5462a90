"""Where Vault's refusals become errors of ours: the one border for HTTP status codes."""

from __future__ import annotations

from typing import Any

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["RefusedError", "login_refused", "read_refused", "unexpected"]

_SEALED, _NOT_INITIALISED, _RATE_LIMITED, _NOT_YET_REPLICATED = 503, 501, 429, 412
# How sys/health and a node in the wrong role answer: 472 a disaster recovery secondary, 473 a standby.
_WRONG_ROLE = (472, 473)


class RefusedError(Exception):
    """Vault answered with a status that is no success.

    Attributes:
        status: the HTTP status.
        body: the answer's JSON object, empty where it was none.
    """

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(f"HTTP {status}")
        self.status = status
        self.body = body

    @property
    def reason(self) -> str:
        """What Vault says, on one line that is fit to print, live secrets masked; "" where it says nothing."""
        return one_line("; ".join([*_texts(self.body.get("errors")), *_texts(self.body.get("warnings"))]))


def _texts(value: object) -> list[str]:
    return [text.strip() for text in value if isinstance(text, str)] if isinstance(value, list) else []


def read_refused(refused: RefusedError, doing: str, *, mount: str, kv: str) -> VaultError:
    """Return the error for a refused read; a 403's meaning is settled before (see ``strategy.py``)."""
    if refused.status == 403:
        return PermissionDeniedError(f"{doing}: the token's policy does not allow it")
    if refused.status != 404:
        return unexpected(refused, doing)
    data = refused.body.get("data")
    if isinstance(data, dict) and isinstance(data.get("metadata"), dict):
        fate = "destroyed" if data["metadata"].get("destroyed") else "deleted"
        return SecretNotFoundError(f"{doing}: that version was {fate}")
    if "no handler for route" in refused.reason:
        return SecretNotFoundError(f"{doing}: nothing is mounted at '{mount}' (options 'mount' and 'namespace')")
    if kv == "v1" and "versioned" in refused.reason.lower():
        return SecretNotFoundError(f"{doing}: the engine at '{mount}' is KV v2; set option 'kv' to v2")
    return SecretNotFoundError(f"{doing}: there is no such secret or version in the KV {kv} engine at '{mount}'")


def login_refused(refused: RefusedError, doing: str, remedy: str) -> VaultError:
    """Return the error for a refused login or unwrapping."""
    if refused.status in (400, 401, 403, 404):
        return AuthenticationError(f"{doing}: refused ({refused.reason or f'HTTP {refused.status}'}); {remedy}")
    return unexpected(refused, doing)


def unexpected(refused: RefusedError, doing: str) -> VaultError:
    """Return the error for a status that says nothing of the secret or of who asks."""
    status, reason = refused.status, refused.reason
    if status == _SEALED and (refused.body.get("sealed") is True or "sealed" in reason.lower()):
        return UnavailableError(f"{doing}: Vault is sealed; unseal it")
    if status == _NOT_INITIALISED:
        return UnavailableError(f"{doing}: Vault is not initialised")
    if status == _RATE_LIMITED:
        return UnavailableError(f"{doing}: Vault's rate limit is reached")
    if status == _NOT_YET_REPLICATED or status in _WRONG_ROLE:
        return UnavailableError(f"{doing}: this node can't answer now (HTTP {status}); ask the active node")
    said = f"HTTP {status}{': ' + reason if reason else ''}"
    if status // 100 == 5:
        return UnavailableError(f"{doing}: Vault answered {said}")
    if status // 100 == 3:
        return UnavailableError(
            f"{doing}: Vault redirects to another node (HTTP {status}), which is not followed lest the token leave; "
            "point options 'host' and 'port' at the active node or a load balancer"
        )
    return InvalidResponseError(f"{doing}: Vault answered {said}; check options 'protocol', 'host' and 'port'")
