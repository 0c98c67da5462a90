"""A strict little HTTP server in Vault's place: for what a real one can't be made to do, and to see each request."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from tests.servers.loopback_http import HOST, Arrived, LoopbackHttp, Sent

LOOKUP = "/v1/auth/token/lookup-self"
FOREVER = {"data": {"ttl": 0, "renewable": False}}


class Request(NamedTuple):
    """What arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Reply(NamedTuple):
    """What goes back; a body that is no ``bytes`` is sent as JSON."""

    body: Any
    status: int = 200
    headers: tuple[tuple[str, str], ...] = ()


Handler = Callable[[Request], Reply]


class FakeVault(LoopbackHttp):
    """Answers by path; a path without a route is Vault's 404. A context manager.

    Attributes:
        routes: path without query -> reply, or what makes one of a request.
        requests: everything that arrived, in order.
        connections: how many were opened.
    """

    host = HOST

    def __init__(self, routes: dict[str, Reply | Handler] | None = None) -> None:
        super().__init__(self._serve)
        self.routes: dict[str, Reply | Handler] = {LOOKUP: Reply(FOREVER), **(routes or {})}
        self.requests: list[Request] = []

    def count(self, path: str) -> int:
        """Return how many requests came for a path."""
        return sum(1 for request in self.requests if request.path.partition("?")[0] == path)

    def _serve(self, arrived: Arrived) -> Sent:
        body = json.loads(arrived.body) if arrived.body else None
        request = Request(arrived.method, arrived.target, dict(arrived.headers.items()), body)
        self.requests.append(request)
        route = self.routes.get(arrived.target.partition("?")[0], Reply({"errors": []}, 404))
        reply = route if isinstance(route, Reply) else route(request)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        return Sent(reply.status, reply.headers, data)
