"""The life of the access token: got once for everyone, replaced before it expires or when Google refuses it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.gcp.config import GcpConfig
from kong_vault_py.strategies.gcp.connections import Answer, Connections
from kong_vault_py.strategies.gcp.credentials import Identity, find_identity
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["Tokens"]

_DOING = "getting an access token from Google"
_REPEATABLE_STATUSES = (408, 429)
# google-auth sleeps and repeats on these, whatever the HTTP status.
_REPEATABLE_ERRORS = ("internal_failure", "server_error", "temporarily_unavailable")


class Tokens:
    """Hands out the headers that say who we are."""

    def __init__(self, config: GcpConfig, connections: Connections) -> None:
        self._config = config
        self._connections = connections
        self._lock = threading.Lock()
        self._identity: Identity | None = None

    def headers(self, deadline: Deadline, *, refused: Mapping[str, str] | None = None) -> Mapping[str, str]:
        """Return headers with a token that is good now, as far as its life is known.

        Args:
            deadline: bounds it all.
            refused: headers that Google has just refused: return others.

        Raises:
            VaultError: there are no credentials, or no token for them.
        """
        with self._alone(deadline):
            identity = self._identity
            if identity is None:
                identity = self._identity = find_identity(self._config, _sender(self._connections, deadline, _DOING))
            # google-auth counts a token as expired some minutes before it is.
            if not identity.credentials.valid or _headers_of(identity) == refused:
                self._refresh(identity, deadline)
            return _headers_of(identity)

    def close(self) -> None:
        """Forget the credentials and the token."""
        self._identity = None

    @contextmanager
    def _alone(self, deadline: Deadline) -> Iterator[None]:
        if not self._lock.acquire(timeout=deadline.remaining_s(_DOING)):
            raise deadline.over(_DOING)
        try:
            yield
        finally:
            self._lock.release()

    def _refresh(self, identity: Identity, deadline: Deadline) -> None:
        from google.auth import exceptions

        doing = f"{_DOING} ({identity.source})"
        try:
            send = _sender(self._connections, deadline, doing)
            identity.credentials.refresh(send)  # type: ignore[no-untyped-call]
        except StrategyTimeoutError:
            raise
        except UnavailableError as error:
            if identity.remedy:
                raise AuthenticationError(f"{error}; {identity.remedy}") from None
            raise
        except exceptions.RefreshError as error:
            said = one_line(str(error.args[0] if error.args else "no reason given")).rstrip(".")
            remedy = identity.remedy or "check that the key is current and its service account enabled"
            raise AuthenticationError(f"{doing}: refused ({said}); {remedy}") from None
        except (exceptions.GoogleAuthError, ValueError, TypeError, KeyError, AttributeError):
            # What google-auth stumbles over may hold the token.
            raise InvalidResponseError(f"{doing}: the answer makes no sense") from None


def _headers_of(identity: Identity) -> Mapping[str, str]:
    headers: dict[str, str] = {}
    if identity.credentials.token:
        identity.credentials.apply(headers)  # type: ignore[no-untyped-call]
    return headers


def _sender(connections: Connections, deadline: Deadline, doing: str) -> Callable[..., Answer]:
    """Return what google-auth sends its requests with (``google.auth.transport.Request``).

    Whatever google-auth would sleep over and repeat becomes an error of ours at once: the deadline is short, and the
    core repeats.
    """

    def send(
        url: str,
        method: str = "GET",
        body: bytes | str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG001  # google-auth's own: the deadline is shorter
        **_: Any,
    ) -> Answer:
        data = body.encode() if isinstance(body, str) else body
        answer = connections.send(method, url, headers=dict(headers or {}), data=data, deadline=deadline, doing=doing)
        if answer.status_code >= 500 or answer.status_code in _REPEATABLE_STATUSES:
            raise UnavailableError(f"{doing}: HTTP {answer.status_code}")
        if method == "POST":
            _check_token_answer(answer, doing)
        return answer

    return send


def _check_token_answer(answer: Answer, doing: str) -> None:
    """Refuse what is no OAuth 2.0 token endpoint's answer, or one that google-auth would sleep over."""
    problem: VaultError | None = None
    try:
        document = answer.json()
    except ValueError:
        document = None
    if not isinstance(document, dict):
        problem = InvalidResponseError(f"{doing}: HTTP {answer.status_code} and no JSON object; check the 'token_uri'")
    elif document.get("error") in _REPEATABLE_ERRORS:
        problem = UnavailableError(f"{doing}: {document['error']}")
    if problem:
        raise problem
