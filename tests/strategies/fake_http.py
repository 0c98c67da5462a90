"""A little HTTP server that plays what is neither Vault nor ours: identity providers, metadata services, clouds."""

from __future__ import annotations

import contextlib
import json
import ssl
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from tests.servers.certificates import Certificates


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


class FakeHttp:
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
        self.routes = routes or {}
        self.asked: list[Asked] = []
        fake = self

        class _Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                fake._answer(self)

            do_POST = do_PUT = do_GET  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self.url = f"{'https' if tls else 'http'}://{self.address}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> FakeHttp:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def count(self, path: str) -> int:
        """Return how many requests came for a path."""
        return sum(1 for asked in self.asked if asked.path == path)

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
        parts = urlsplit(handler.path)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        asked = Asked(handler.command, parts.path, parse_qs(parts.query), headers, body)
        self.asked.append(asked)
        route = self.routes.get(f"{asked.method} {asked.path}", lambda _: Answered({"error": "no such path"}, 404))
        answered = route(asked)
        data = answered.body if isinstance(answered.body, bytes) else json.dumps(answered.body).encode()
        # A client whose deadline is over has gone.
        with contextlib.suppress(ConnectionError):
            handler.send_response(answered.status)
            for name, value in answered.headers.items():
                handler.send_header(name, value)
            handler.send_header("Content-Length", str(len(data)))
            handler.end_headers()
            handler.wfile.write(data)
