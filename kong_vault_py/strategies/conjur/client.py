"""Conjur's API as far as it is needed: logging in, and reading with a token."""

from __future__ import annotations

import http
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from kong_vault_py.strategies.conjur.config import ConjurConfig
from kong_vault_py.strategies.conjur.refusals import login_refused
from kong_vault_py.strategies.conjur.token import AccessToken, read_token
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.exchange import Answer, exchange
from kong_vault_py.strategies.http.session import open_session

if TYPE_CHECKING:
    import requests

__all__ = ["Client"]

_IN_BASE64 = {"Accept-Encoding": "base64"}


class Client:
    """The connections to one Conjur server; opens on first use, safe for threads and greenlets.

    Args:
        config: the vault's config.
        clock: returns seconds; never goes back.
    """

    def __init__(self, config: ConjurConfig, clock: Callable[[], float] = time.monotonic) -> None:
        self._config = config
        self._clock = clock
        self._endpoint = Endpoint("conjur", config.url, "option 'endpoint_url'", config.ssl_verify, config.ca_cert)
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def log_in(self, deadline: Deadline) -> AccessToken:
        """Exchange the API key for an access token.

        Raises:
            AuthenticationError: Conjur refuses it.
            VaultError: there was no answer, or none that makes sense.
        """
        doing = f"logging in to Conjur as {self._config.login!r}"
        account, login = quote(self._config.account, safe=""), quote(self._config.login, safe="")
        key = self._config.api_key.reveal_bytes().strip() if self._config.api_key else b""
        started_s = self._clock()
        answer = self._send(
            "POST",
            f"/authn/{account}/{login}/authenticate",
            deadline,
            doing,
            headers=_IN_BASE64 | {"Content-Type": "text/plain"},
            data=key,
        )
        if answer.status != http.HTTPStatus.OK:
            raise login_refused(answer, doing)
        return read_token(answer.body, started_s, doing)

    def read(self, path: str, token: AccessToken, deadline: Deadline, doing: str, *, in_base64: bool = False) -> Answer:
        """Send a GET with a token and return the answer, whatever its status.

        Args:
            path: below the base URL, with its query.
            token: who asks.
            deadline: bounds the exchange.
            doing: what it is for, for error texts.
            in_base64: ask for values in base64, which is how a JSON answer can hold any bytes.
        """
        headers = {"Authorization": token.header.reveal()} | (_IN_BASE64 if in_base64 else {})
        return self._send("GET", path, deadline, doing, headers=headers)

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _send(self, method: str, path: str, deadline: Deadline, doing: str, **sent: Any) -> Answer:
        return exchange(self._opened(), self._endpoint, deadline, doing, method, self._endpoint.url + path, **sent)

    def _opened(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = open_session(self._endpoint)
            return self._session
