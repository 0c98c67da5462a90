"""Asking the node's agent over its unix socket: HTTP of the standard library, on connections that are kept."""

from __future__ import annotations

import base64
import binascii
import errno
import http.client
import io
import json
import os
import socket
import time
from collections import deque
from dataclasses import dataclass
from functools import partial
from typing import Any, cast

from kong_vault_py import errors
from kong_vault_py.errors import InvalidResponseError, StrategyTimeoutError, UnavailableError, VaultError
from kong_vault_py.secret import Secret

__all__ = ["AgentClient", "AgentResource"]

_MOST_IDLE = 16
_MAX_ANSWER_BYTES = 32 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024
_OK = 200
#: A connection that the agent closed while it was idle: ask again on a new one.
_WENT_AWAY = (ConnectionError, http.client.RemoteDisconnected)


@dataclass(frozen=True)
class AgentResource:
    """A whole resource, and how the agent keeps it.

    Attributes:
        value: as the vault has it.
        ttl_s: seconds until there may be news; ``None`` for none.
        immutable: it will never change.
        base64_decode: its keys are to be decoded.
        resurrect_ttl_s: seconds past ``ttl_s`` for which it may be served; ``None`` without end.
    """

    value: Secret
    ttl_s: float | None
    immutable: bool
    base64_decode: bool
    resurrect_ttl_s: float | None


class AgentClient:
    """Asks one agent. Safe for threads and greenlets.

    Args:
        path: the agent's unix socket.
        timeout_s: the deadline for one answer, connecting included.
    """

    def __init__(self, path: str, timeout_s: float) -> None:
        self._path = path
        self._timeout_s = timeout_s
        self._idle: deque[_Connection] = deque()
        self._owner = os.getpid()

    @property
    def path(self) -> str:
        """The agent's socket."""
        return self._path

    def resource(self, reference: str) -> AgentResource:
        """Return a reference's whole resource.

        Raises:
            VaultError: what the agent says is wrong, in the class that it names.
            UnavailableError: there is no agent.
            StrategyTimeoutError: it does not answer in time.
            InvalidResponseError: what answers is no agent.
        """
        status, body = self._exchange("POST", "/v1/resource", json.dumps({"reference": reference}))
        try:
            answer = json.loads(body)
            found = _resource(answer) if status == _OK else _told(answer["error"])
        except (ValueError, KeyError, TypeError, AttributeError):
            raise InvalidResponseError(f"agent {self._path}: status {status}, and no answer of an agent") from None
        if isinstance(found, VaultError):
            raise found
        return found

    def is_alive(self) -> bool:
        """Tell whether it answers.

        Raises:
            UnavailableError: there is no agent.
        """
        return self._exchange("GET", "/v1/health", None)[0] == _OK

    def close(self) -> None:
        """Close the idle connections. Safe to call twice."""
        while self._idle:
            self._idle.pop().close()

    def _exchange(self, method: str, path: str, body: str | None) -> tuple[int, bytes]:
        deadline = time.monotonic() + self._timeout_s
        try:
            connection = self._kept()
            if connection is not None:
                try:
                    return self._ask(connection, deadline, method, path, body)
                except _WENT_AWAY:
                    pass
            return self._ask(_Connection(self._path), deadline, method, path, body)
        except TimeoutError:
            raise StrategyTimeoutError(
                f"agent {self._path} did not answer within {self._timeout_s:g} s (vault_py_agent_timeout_s)"
            ) from None
        except OSError as error:
            reason = error.strerror or (
                "closed without an answer" if isinstance(error, ConnectionError) else str(error)
            )
            raise UnavailableError(f"no agent at {self._path}: {reason}; is kong-vault agent running?") from None
        except http.client.HTTPException:
            raise InvalidResponseError(f"agent {self._path}: it does not speak HTTP") from None

    def _ask(
        self, connection: _Connection, deadline: float, method: str, path: str, body: str | None
    ) -> tuple[int, bytes]:
        reusable = False
        try:
            connection.deadline = deadline
            connection.allow()
            connection.request(method, path, body, {"Content-Type": "application/json"} if body else {})
            response = connection.getresponse()
            content = b""
            while chunk := response.read1(_CHUNK_BYTES):
                content += chunk
                if len(content) > _MAX_ANSWER_BYTES:
                    raise InvalidResponseError(
                        f"agent {self._path}: the answer is larger than {_MAX_ANSWER_BYTES} bytes"
                    )
            if response.length:
                raise ConnectionResetError(errno.ECONNRESET, "closed amid an answer")
            response.close()
            reusable = not response.will_close
            return response.status, content
        finally:
            if reusable and len(self._idle) < _MOST_IDLE:
                self._idle.append(connection)
            else:
                connection.close()

    def _kept(self) -> _Connection | None:
        if self._owner != os.getpid():
            # Forked: the parent goes on with these.
            self._idle, self._owner = deque(), os.getpid()
        try:
            return self._idle.pop()
        except IndexError:
            return None


class _Connection(http.client.HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("localhost")
        self._path = path
        self.deadline = 0.0
        self.response_class = partial(_Response, self)  # type: ignore[assignment]  # a callable will do

    def allow(self) -> None:
        """Give the next step what is left until the deadline."""
        self.timeout = self.deadline - time.monotonic()
        if self.timeout <= 0:
            raise TimeoutError
        if self.sock is not None:
            self.sock.settimeout(self.timeout)

    def connect(self) -> None:
        """Connect to the unix socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class _Response(http.client.HTTPResponse):
    """An answer that is read within its connection's deadline, however small the pieces that come."""

    def __init__(self, connection: _Connection, sock: socket.socket, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self.fp = io.BufferedReader(_Timed(connection, self.fp.detach()))


class _Timed(io.RawIOBase):
    def __init__(self, connection: _Connection, raw: io.RawIOBase) -> None:
        super().__init__()
        self._connection = connection
        self._raw = raw

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._connection.allow()
        return cast("int | None", self._raw.readinto(buffer))

    def close(self) -> None:
        self._raw.close()
        super().close()


def _told(error: dict[str, Any]) -> VaultError:
    """Return the agent's error as our own, of the class that it names."""
    name = error.get("type")
    known: type[VaultError] = getattr(errors, name) if name in errors.__all__ else InvalidResponseError
    return known(str(error["message"]))


def _resource(answer: dict[str, Any]) -> AgentResource:
    value, encoding = answer["value"], answer["encoding"]
    if not isinstance(value, str) or encoding not in ("utf-8", "base64"):
        raise ValueError
    try:
        secret = Secret(value if encoding == "utf-8" else base64.b64decode(value, validate=True))
    except binascii.Error:
        raise ValueError from None
    return AgentResource(
        secret,
        _seconds(answer["ttl"]),
        answer.get("immutable") is True,
        answer.get("base64_decode") is True,
        _seconds(answer.get("resurrect_ttl")),
    )


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TypeError
    return float(value)
