"""A little HTTP server whose answers a function makes; speaks TLS if given certificates."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificates
from tests.servers.loopback_http import HOST, Arrived, LoopbackHttp, Sent


class Request(NamedTuple):
    """What arrived; header names are lower case."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, str]:
        """The body's form fields."""
        return {name: values[-1] for name, values in parse_qs(self.body.decode()).items()}


class Reply(NamedTuple):
    """What goes back; a body that is no ``bytes`` is sent as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class JsonServer(LoopbackHttp):
    """Serves on a free port of the loopback interface; a context manager.

    Args:
        answer: makes a reply of a request; runs in several threads.
        tls: the server's certificate, for https.

    Attributes:
        url: the base URL.
        requests: everything that arrived, in order.
    """

    host = HOST

    def __init__(self, answer: Callable[[Request], Reply], tls: Certificates | None = None) -> None:
        super().__init__(self._serve, tls)
        self.requests: list[Request] = []
        self._reply = answer

    def count(self, path: str) -> int:
        """Return how many requests came for a path."""
        return sum(1 for request in self.requests if request.path == path)

    def _serve(self, arrived: Arrived) -> Sent:
        parts = urlsplit(arrived.target)
        request = Request(
            arrived.method,
            parts.path,
            {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()},
            {name.lower(): value for name, value in arrived.headers.items()},
            arrived.body,
        )
        self.requests.append(request)
        reply = self._reply(request)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        headers = {"Content-Type": "application/json; charset=utf-8", **reply.headers}
        return Sent(reply.status, headers.items(), data)
