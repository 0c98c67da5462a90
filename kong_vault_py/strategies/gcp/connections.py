"""The one way to Google: the client library and google-auth both send through here.

So neither has retries, time-outs, proxies or redirects of its own.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

from kong_vault_py.errors import UnavailableError
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.exchange import exchange
from kong_vault_py.strategies.http.session import open_session

if TYPE_CHECKING:
    import requests

__all__ = ["Answer", "Connections"]


class _Sent(NamedTuple):
    method: str
    url: str


@dataclass(frozen=True)
class Answer:
    """A whole HTTP answer, with the names that the client library (requests') and google-auth look for."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes = field(repr=False)
    request: _Sent

    @property
    def status(self) -> int:
        """The HTTP status, as google-auth calls it."""
        return self.status_code

    @property
    def data(self) -> bytes:
        """The body, as google-auth calls it."""
        return self.content

    @property
    def text(self) -> str:
        """The body as text."""
        return self.content.decode("utf-8", "replace")

    def json(self) -> Any:
        """Return the body's JSON value; a :class:`ValueError` where it is none."""
        try:
            return json.loads(self.content)
        except RecursionError:
            raise ValueError("nested too deeply") from None


class Connections:
    """Pooled connections; open on first use and anew after a fork, safe for threads and greenlets."""

    def __init__(self, endpoint: Endpoint) -> None:
        self._endpoint = endpoint
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._owner_pid = 0

    def send(self, method: str, url: str, *, deadline: Deadline, doing: str, **sent: Any) -> Answer:
        """Send one request and return the answer, unless it is a redirect.

        Args:
            method: the HTTP method.
            url: anywhere at Google's: the API, a token endpoint, the metadata server.
            deadline: bounds connecting, sending and reading together.
            doing: what it is for, for error texts.
            sent: headers, query and body, as requests names them.

        Raises:
            UnavailableError: there is no answer, or not in time, or a redirect, which is not followed lest
                credentials leave.
            InvalidResponseError: the answer is too large, or no HTTP.
        """
        server = replace(self._endpoint, url=_base(url))
        answer = exchange(self._opened(), server, deadline, doing, method, url, **sent)
        if 300 <= answer.status < 400:
            raise UnavailableError(f"{doing}: {server.url} redirects elsewhere, which is not followed")
        return Answer(answer.status, answer.headers, answer.body, _Sent(method, url))

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _opened(self) -> requests.Session:
        with self._lock:
            # Two processes must not speak on one connection.
            if self._session is None or self._owner_pid != os.getpid():
                self._session = open_session(self._endpoint)
                self._owner_pid = os.getpid()
            return self._session


def _base(url: str) -> str:
    """Return scheme, host and port, which are all of a URL that errors show."""
    return "/".join(url.split("/", 3)[:3]).split("?")[0]
