"""The manager's data plane API: a value at a time, with the node's token."""

from __future__ import annotations

import http
import json
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.exchange import Answer, exchange
from kong_vault_py.strategies.http.one_line import one_line
from kong_vault_py.strategies.http.session import open_session
from kong_vault_py.strategies.konnect.config import KonnectConfig

if TYPE_CHECKING:
    import requests

__all__ = ["ManagedStore"]

#: What a health check asks for; it needn't be there.
_PROBE = "kong-vault-health-check"


class ManagedStore:
    """Reads a Config Store of the manager; opens on first use, safe for threads and greenlets.

    Args:
        config: the vault's config.
    """

    def __init__(self, config: KonnectConfig) -> None:
        self._config = config
        self._endpoint = config.endpoint
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def read(self, key: str, version: int | None, deadline: Deadline) -> str:
        """Return a secret's value.

        Raises:
            SecretNotFoundError: there is no such store, secret or version.
            StrategyError: everything else.
        """
        doing = f"reading {key!r} from the Config Store"
        answer = self._ask(key, version, deadline, doing)
        if answer.status != http.HTTPStatus.OK:
            raise _refused(answer, doing)
        return _value_in(answer, key, doing)

    def check(self, deadline: Deadline) -> None:
        """Raise a :class:`VaultError` unless the manager answers, and knows the token."""
        with suppress(SecretNotFoundError):
            self.read(_PROBE, None, deadline)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _ask(self, key: str, version: int | None, deadline: Deadline, doing: str) -> Answer:
        assert self._config.node_token is not None
        assert self._config.config_store_id is not None
        store = quote(self._config.config_store_id, safe="")
        return exchange(
            self._opened(),
            self._endpoint,
            deadline,
            doing,
            "GET",
            f"{self._endpoint.url}/dataplane/v1/config-stores/{store}/secrets/{quote(key, safe='')}",
            params={} if version is None else {"version": version},
            headers={"Authorization": f"Bearer {self._config.node_token.reveal()}"},
        )

    def _opened(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = open_session(self._endpoint)
            return self._session


def _value_in(answer: Answer, key: str, doing: str) -> str:
    document = _document(answer)
    value = document.get("value") if document and document.get("key") == key else None
    if not isinstance(value, str):
        raise InvalidResponseError(f"{doing}: the answer holds no value of it; check option 'manager_url'")
    return value


def _refused(answer: Answer, doing: str) -> VaultError:
    """Return the error for an answer without a value."""
    status, said = answer.status, _said(answer)
    if status == http.HTTPStatus.UNAUTHORIZED:
        return AuthenticationError(f"{doing}: the manager refuses the token{said}; renew option 'node_token'")
    if status == http.HTTPStatus.FORBIDDEN:
        return PermissionDeniedError(f"{doing}: the manager denies it to this node{said}")
    if status == http.HTTPStatus.NOT_FOUND and said:
        # A proxy's page for 404, or another server's, has no message.
        return SecretNotFoundError(f"{doing}: there is no such secret, version or store{said}")
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        return UnavailableError(f"{doing}: the manager's rate limit is reached")
    if status // 100 == 5:
        return UnavailableError(f"{doing}: the manager answered HTTP {status}{said}")
    if status // 100 == 3:
        return UnavailableError(
            f"{doing}: the manager redirects elsewhere (HTTP {status}), which is not followed lest the token leave; "
            "correct option 'manager_url'"
        )
    return InvalidResponseError(f"{doing}: HTTP {status} is no answer of the manager's; check option 'manager_url'")


def _said(answer: Answer) -> str:
    document = _document(answer)
    message = document.get("message") if document else None
    return f": {one_line(message)}" if isinstance(message, str) and message else ""


def _document(answer: Answer) -> dict[str, object] | None:
    try:
        document = json.loads(answer.body)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
