"""Asking the manager: HTTP of the standard library on one connection that is kept, every step under a deadline."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import socket
import ssl
import time
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kong_vault_py.errors import (
    AuthenticationError,
    ConfigError,
    InvalidResponseError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["ManagerAnswer", "ManagerClient"]

_MAX_ANSWER_BYTES = 128 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
#: A connection that the manager closed while it was idle: ask again on a new one.
_WENT_AWAY = (ConnectionError, http.client.RemoteDisconnected, http.client.CannotSendRequest)


class ManagerAnswer(NamedTuple):
    """What the manager answered: 200 with a document, or 204 or 304 with none."""

    status: int
    document: Any


class ManagerClient:
    """Asks one manager. For one thread at a time; :meth:`interrupt` is for any.

    Args:
        url: the manager's.
        ca_cert: file of its certificate authority; ``None`` for the system's.
    """

    def __init__(self, url: str, ca_cert: str | None) -> None:
        parts = urlsplit(url)
        self.url = url
        self._secure = parts.scheme == "https"
        self._host, self._port, self._path = parts.hostname or "", parts.port, parts.path.rstrip("/")
        self._ca_cert = ca_cert
        self._kept: http.client.HTTPConnection | None = None
        self._owner = os.getpid()
        self._interrupted = False

    def ask(self, method: str, path: str, token: Secret, *, body: Any = None, timeout_s: float) -> ManagerAnswer:
        """Send one request.

        Raises:
            AuthenticationError: the manager refuses the token.
            InvalidResponseError: what answers is no manager, or finds fault with the request.
            UnavailableError: nobody answers now, or not in time.
            ConfigError: ``ca_cert`` holds no certificate.
        """
        content = None if body is None else json.dumps(body, allow_nan=False).encode()
        headers = {"Authorization": f"Bearer {token.reveal()}"}
        if content is not None:
            headers["Content-Type"] = "application/json"
        status, answer = self._exchange(method, self._path + path, content, headers, time.monotonic() + timeout_s)
        if status in (http.HTTPStatus.NO_CONTENT, http.HTTPStatus.NOT_MODIFIED):
            return ManagerAnswer(status, None)
        document = _document(answer)
        if status == http.HTTPStatus.OK and document is not None:
            return ManagerAnswer(status, document)
        raise self._refused(status, document)

    def interrupt(self) -> None:
        """End a request under way, and refuse others."""
        self._interrupted = True
        connection = self._kept
        if connection is not None and connection.sock is not None:
            with contextlib.suppress(OSError):
                socket.socket.shutdown(connection.sock, socket.SHUT_RDWR)

    def close(self) -> None:
        """Close the connection."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.close()

    def _exchange(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str], deadline: float
    ) -> tuple[int, bytes]:
        if self._owner != os.getpid():
            self._kept, self._owner = None, os.getpid()  # forked: the parent goes on with that one
        try:
            if self._kept is not None:
                with contextlib.suppress(*_WENT_AWAY):
                    return self._ask_on(self._kept, method, path, body, headers, deadline)
            self.close()
            if self._interrupted:
                raise UnavailableError(f"manager {self.url}: no more is asked, this process ends")
            self._kept = self._connection()
            return self._ask_on(self._kept, method, path, body, headers, deadline)
        except BaseException as error:
            self.close()
            told = self._translated(error)
            if told is None:
                raise
            raise told from None

    def _ask_on(
        self,
        connection: http.client.HTTPConnection,
        method: str,
        path: str,
        body: bytes | None,
        headers: dict[str, str],
        deadline: float,
    ) -> tuple[int, bytes]:
        _allow(connection, deadline)
        connection.request(method, path, body, headers)
        _allow(connection, deadline)
        response = connection.getresponse()
        content = bytearray()
        while chunk := response.read1(_CHUNK_BYTES):
            content += chunk
            if len(content) > _MAX_ANSWER_BYTES:
                raise InvalidResponseError(f"manager {self.url}: the answer is larger than {_MAX_ANSWER_BYTES} bytes")
            _allow(connection, deadline)
        if response.length:
            raise ConnectionError("closed amid an answer")
        response.close()
        if response.will_close:
            self.close()
        return response.status, bytes(content)

    def _connection(self) -> http.client.HTTPConnection:
        if not self._secure:
            return http.client.HTTPConnection(self._host, self._port)
        try:
            context = ssl.create_default_context(cafile=self._ca_cert)
        except OSError as error:
            raise ConfigError(
                f"vault_py_manager_ca_cert: {self._ca_cert!r} holds no readable PEM certificate: "
                f"{error.strerror or error}"
            ) from None
        return http.client.HTTPSConnection(self._host, self._port, context=context)

    def _translated(self, error: BaseException) -> VaultError | None:
        """Return ours for an error of the network; ``None`` for one that is ours, or nobody's."""
        if isinstance(error, ssl.SSLCertVerificationError):
            return UnavailableError(
                f"manager {self.url}: its certificate is not trusted ({error.verify_message}); "
                "name its certificate authority in vault_py_manager_ca_cert"
            )
        if isinstance(error, TimeoutError):
            return StrategyTimeoutError(f"manager {self.url} did not answer in time")
        if isinstance(error, ssl.SSLError):
            return UnavailableError(f"manager {self.url}: no TLS with it ({error.reason or 'broken off'})")
        if isinstance(error, OSError):
            return UnavailableError(
                f"manager {self.url}: no connection: {error.strerror or 'closed without an answer'}"
            )
        if isinstance(error, (http.client.HTTPException, ValueError)) and not isinstance(error, VaultError):
            return InvalidResponseError(f"manager {self.url}: it does not speak HTTP")
        return None

    def _refused(self, status: int, document: dict[str, Any] | None) -> VaultError:
        message = (document or {}).get("message")
        said = f": {one_line(message)}" if isinstance(message, str) and message else ""
        if status == http.HTTPStatus.UNAUTHORIZED:
            return AuthenticationError(f"manager {self.url}: it refuses this node's token{said}; make a new one there")
        if status in (http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS) or status // 100 == 5:
            return UnavailableError(f"manager {self.url}: it answered HTTP {status}{said}")
        return InvalidResponseError(f"manager {self.url}: it answered HTTP {status}{said}; check vault_py_manager_url")


def _allow(connection: http.client.HTTPConnection, deadline: float) -> None:
    """Give the next step what is left until the deadline."""
    connection.timeout = deadline - time.monotonic()
    if connection.timeout <= 0:
        raise TimeoutError
    if connection.sock is not None:
        connection.sock.settimeout(connection.timeout)


def _document(body: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None
