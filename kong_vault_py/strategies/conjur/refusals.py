"""Where Conjur's refusals become errors of ours: the one border for HTTP status codes."""

from __future__ import annotations

import http
import json

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.http.exchange import Answer
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["login_refused", "read_refused", "unexpected"]


def login_refused(answer: Answer, doing: str) -> VaultError:
    """Return the error for a refused login."""
    if answer.status in (http.HTTPStatus.UNAUTHORIZED, http.HTTPStatus.FORBIDDEN):
        return AuthenticationError(
            f"{doing}: refused{_said(answer)}; check 'account', 'login' (a host's starts with 'host/') and 'api_key'"
        )
    return unexpected(answer, doing)


def read_refused(answer: Answer, doing: str) -> VaultError:
    """Return the error for a refused read; a 401's meaning is settled before (see ``strategy.py``)."""
    if answer.status == http.HTTPStatus.FORBIDDEN:
        return PermissionDeniedError(f"{doing}: the privilege 'execute' is missing{_said(answer)}")
    if answer.status == http.HTTPStatus.NOT_FOUND and _error_of(answer) is not None:
        # Conjur hides what one has no privilege on.
        return SecretNotFoundError(
            f"{doing}: there is no such variable or version, it has no value, or no privilege shows it to us; "
            "slashes of its id are written as %2F"
        )
    return unexpected(answer, doing)


def unexpected(answer: Answer, doing: str) -> VaultError:
    """Return the error for a status that says nothing of the secret or of who asks."""
    status = answer.status
    said = f"HTTP {status}{_said(answer)}"
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        return UnavailableError(f"{doing}: Conjur's rate limit is reached")
    if status // 100 == 5:
        return UnavailableError(f"{doing}: Conjur answered {said}")
    if status // 100 == 3:
        return UnavailableError(
            f"{doing}: Conjur redirects elsewhere (HTTP {status}), which is not followed lest the token leave; "
            "correct option 'endpoint_url'"
        )
    return InvalidResponseError(f"{doing}: Conjur answered {said}; check option 'endpoint_url'")


def _error_of(answer: Answer) -> dict[str, object] | None:
    """Return Conjur's error object; a proxy's page for 404 has none."""
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    error = document.get("error") if isinstance(document, dict) else None
    return error if isinstance(error, dict) else None


def _said(answer: Answer) -> str:
    error = _error_of(answer)
    message = error.get("message") if error else None
    line = one_line(message) if isinstance(message, str) else ""
    return f" ({line})" if line else ""
