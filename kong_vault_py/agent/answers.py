"""What the agent answers: values with their remaining life, and errors as a status, a code and one line."""

from __future__ import annotations

import base64
import math
from typing import Any

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidReferenceError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    StrategyError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.secret import Secret, mask
from kong_vault_py.status import Lookup

__all__ = ["error_answer", "problem", "reported_ttl", "status_of", "value_answer", "version_answer"]

#: Asked this long after the agent's own refresh, not before: the new value is there by then.
_AFTER_REFRESH_S = 0.5
#: To Kong a ttl of 0 means for ever.
_SHORTEST_TTL_S = 1.0
_MAX_MESSAGE_CHARS = 1000

#: The first class that fits counts.
_BY_CLASS: tuple[tuple[type[VaultError], int, str], ...] = (
    (InvalidReferenceError, 400, "invalid_reference"),
    (ConfigError, 400, "config"),
    (SecretNotFoundError, 404, "not_found"),
    (AuthenticationError, 502, "authentication"),
    (PermissionDeniedError, 403, "permission_denied"),
    (InvalidResponseError, 502, "invalid_response"),
    (StrategyTimeoutError, 504, "timeout"),
    (UnavailableError, 503, "unavailable"),
    (StrategyError, 502, "invalid_response"),
)


def value_answer(found: Lookup) -> dict[str, Any]:
    """Return a secret's part of an answer.

    Raises:
        InvalidResponseError: the value can't be written, as text or as bytes.
    """
    value, encoding = _encoded(found.secret)
    return {"value": value, "encoding": encoding, "ttl": reported_ttl(found.ttl_s)}


def reported_ttl(ttl_s: float | None) -> float | None:
    """Return the seconds after which to ask again, ``None`` where nothing new will come by itself."""
    return None if ttl_s is None else round(max(ttl_s + _AFTER_REFRESH_S, _SHORTEST_TTL_S), 3)


def version_answer(found: Lookup) -> float | None:
    """Return a secret's version; ``None`` for those that JSON can't write, as of ``#nan`` and ``#inf``."""
    version = found.version
    return version if version is None or math.isfinite(version) else None


def status_of(error: VaultError) -> tuple[int, str]:
    """Return the HTTP status and the code of an error."""
    for known, status, code in _BY_CLASS:
        if isinstance(error, known):
            return status, code
    return 500, "internal"


def error_answer(error: VaultError) -> dict[str, Any]:
    """Return the body for an error; its class's name lets a client of ours raise the same again."""
    _status, code = status_of(error)
    return problem(code, str(error), type=type(error).__name__)


def problem(code: str, message: str, **more: str) -> dict[str, Any]:
    """Return the body for whatever is wrong: one line, live secrets masked."""
    line = mask(" ".join(message.split()))[:_MAX_MESSAGE_CHARS]
    shown = "".join(char if char.isprintable() else "?" for char in line)
    return {"error": {"code": code, "message": shown, **more}}


def _encoded(secret: Secret) -> tuple[str, str]:
    text = secret.reveal()
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        try:
            return base64.b64encode(secret.reveal_bytes()).decode("ascii"), "base64"
        except UnicodeEncodeError:
            raise InvalidResponseError("the value is neither text nor bytes") from None
    return text, "utf-8"
