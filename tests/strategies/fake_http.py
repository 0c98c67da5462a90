"""A little HTTP server that plays what is neither Vault nor ours: identity providers, metadata services, clouds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificates
from tests.servers.loopback_http import HOST, Arrived, LoopbackHttp, Sent


class Asked(NamedTuple):
    """A request; ``path`` without its query, header names in lower case."""

    method: str
    path: str
    query: dict[str, list[str]]
    headers: dict[str, str]
    body: bytes

    @property
    def form(self) -> dict[str, list[str]]:
        """The fields of a form; empty where the body is none."""
        if self.headers.get("content-type", "").partition(";")[0] != "application/x-www-form-urlencoded":
            return {}
        return parse_qs(self.body.decode(), keep_blank_values=True, strict_parsing=True)


class Answered(NamedTuple):
    """What goes back; a body that is no ``bytes`` is sent as JSON."""

    body: Any
    status: int = 200
    headers: Mapping[str, str] = {}


class FakeHttp(LoopbackHttp):
    """Answers by method and path; what has no route is a 404. A context manager.

    Args:
        routes: as below.
        tls: speak TLS with these.

    Attributes:
        routes: "GET /path" -> what answers such a request.
        asked: everything that arrived, in order.
        url: the base URL.
    """

    def __init__(
        self, routes: dict[str, Callable[[Asked], Answered]] | None = None, tls: Certificates | None = None
    ) -> None:
        super().__init__(self._serve, tls)
        self.routes = routes or {}
        self.asked: list[Asked] = []
        self.address = f"{HOST}:{self.port}"

    def count(self, path: str) -> int:
        """Return how many requests came for a path."""
        return sum(1 for asked in self.asked if asked.path == path)

    def _serve(self, arrived: Arrived) -> Sent:
        parts = urlsplit(arrived.target)
        headers = {name.lower(): value for name, value in arrived.headers.items()}
        asked = Asked(arrived.method, parts.path, parse_qs(parts.query), headers, arrived.body)
        self.asked.append(asked)
        route = self.routes.get(f"{asked.method} {asked.path}", lambda _: Answered({"error": "no such path"}, 404))
        answered = route(asked)
        data = answered.body if isinstance(answered.body, bytes) else json.dumps(answered.body).encode()
        return Sent(answered.status, answered.headers.items(), data)
