"""A strict little HTTP server in Vault's place: for what a real one can't be made to do, and to see each request."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple

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


class FakeVault:
    """Answers by path; a path without a route is Vault's 404. A context manager.

    Attributes:
        routes: path without query -> reply, or what makes one of a request.
        requests: everything that arrived, in order.
        connections: how many were opened.
    """

    def __init__(self, routes: dict[str, Reply | Handler] | None = None) -> None:
        self.routes: dict[str, Reply | Handler] = {LOOKUP: Reply(FOREVER), **(routes or {})}
        self.requests: list[Request] = []
        self.connections = 0
        fake = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                fake.connections += 1
                super().setup()

            def do_GET(self) -> None:
                fake._answer(self)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.host, self.port = "127.0.0.1", self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FakeVault:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, path: str) -> int:
        """Return how many requests came for a path."""
        return sum(1 for request in self.requests if request.path.partition("?")[0] == path)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = json.loads(handler.rfile.read(length)) if length else None
        request = Request(handler.command, handler.path, dict(handler.headers), body)
        self.requests.append(request)
        route = self.routes.get(handler.path.partition("?")[0], Reply({"errors": []}, 404))
        reply = route if isinstance(route, Reply) else route(request)
        data = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
        # A client whose deadline is over has gone.
        with contextlib.suppress(ConnectionError):
            handler.send_response(reply.status)
            for name, value in reply.headers:
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
