"""Google's client library, speaking through our connections and within our deadline."""

from __future__ import annotations

import logging
import threading
import urllib.parse
import warnings
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, NamedTuple

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.strategies.gcp.answers import refused
from kong_vault_py.strategies.gcp.connections import Answer, Connections
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.session import missing_package

if TYPE_CHECKING:
    from google.cloud.secretmanager_v1 import AccessSecretVersionResponse, SecretManagerServiceClient

__all__ = ["Client"]

_TALKATIVE_LOGGER = "google.cloud.secretmanager_v1.services.secret_manager_service.transports.rest"


class _Call(NamedTuple):
    """What the client library has no words for: who asks, until when, and what for."""

    credentials: Mapping[str, str]
    deadline: Deadline
    doing: str


_call: ContextVar[_Call] = ContextVar("gcp_call")


class Client:
    """Accesses secret versions.

    Args:
        url: the API's base URL.
        connections: to Google.
    """

    def __init__(self, url: str, connections: Connections) -> None:
        self._url = url
        self._connections = connections
        self._lock = threading.Lock()
        self._opened: SecretManagerServiceClient | None = None

    def access(
        self, name: str, credentials: Mapping[str, str], deadline: Deadline, doing: str
    ) -> AccessSecretVersionResponse:
        """Return a version with its payload, in one request.

        Args:
            name: the version's resource name.
            credentials: headers that say who asks.
            deadline: bounds it.
            doing: what it is for, for error texts.

        Raises:
            VaultError: Google refuses, or there was no answer that makes sense.
        """
        client = self._open()
        from google.api_core.exceptions import GoogleAPICallError
        from google.protobuf.json_format import Error as NotTheMessageError  # type: ignore[import-untyped]

        token = _call.set(_Call(credentials, deadline, doing))
        try:
            return client.access_secret_version(name=name, retry=None, timeout=deadline.remaining_s(doing))
        except GoogleAPICallError as error:
            raise refused(error.response, doing) from None
        except (NotTheMessageError, ValueError, TypeError, AttributeError, RecursionError) as error:
            # A parser's words may quote the secret.
            raise InvalidResponseError(
                f"{doing}: the answer is not Secret Manager's ({type(error).__name__}); check option 'endpoint_url'"
            ) from None
        finally:
            _call.reset(token)

    def _open(self) -> SecretManagerServiceClient:
        with self._lock:
            if self._opened is None:
                self._opened = _open_client(self._url, self._connections)
            return self._opened


def _sender(connections: Connections) -> Callable[..., Answer]:
    """Return what the client library sends its requests with, in place of its session's ``get``."""

    def get(url: str, *, headers: Mapping[str, str], params: Any = None, **_: Any) -> Answer:
        credentials, deadline, doing = _call.get()
        sent = {**headers, **credentials}
        return connections.send("GET", url, headers=sent, params=params, deadline=deadline, doing=doing)

    return get


def _open_client(url: str, connections: Connections) -> SecretManagerServiceClient:
    try:
        with warnings.catch_warnings():
            # Which versions of Python Google will support one day is no matter for a gateway's log.
            warnings.simplefilter("ignore", FutureWarning)
            from google.auth.credentials import AnonymousCredentials
            from google.cloud import secretmanager_v1
            from google.cloud.secretmanager_v1.services.secret_manager_service import transports
    except ModuleNotFoundError as error:
        raise missing_package("gcp", error) from error
    parts = urllib.parse.urlsplit(url)
    transport = transports.SecretManagerServiceRestTransport(
        host=parts.netloc,
        url_scheme=parts.scheme,
        credentials=AnonymousCredentials(),  # type: ignore[no-untyped-call]
    )
    # The library's own session repeats logins with time-outs of its own, and has no limit for an answer.
    transport._session.get = _sender(connections)  # type: ignore[method-assign, assignment]
    logging.getLogger(_TALKATIVE_LOGGER).addFilter(_keeps_quiet)
    return secretmanager_v1.SecretManagerServiceClient(transport=transport)


def _keeps_quiet(record: logging.LogRecord) -> bool:
    """Drop the library's debug records: they carry requests and answers whole, for whoever logs in JSON."""
    return record.levelno > logging.DEBUG
