"""A strict Conjur for tests, over HTTP or TLS on a loopback port.

No package registry has the real server: it is a Ruby on Rails application that comes as a container image.
"""

from __future__ import annotations

import contextlib
import ssl
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

from tests.servers.certificates import Certificates
from tests.servers.conjur_api import ConjurApi, Reply, Request
from tests.servers.conjur_state import ConjurState

_MAX_REQUEST_LINE_BYTES = 8190


class ConjurServer:
    """Serves one account; a context manager.

    Args:
        state: the account.
        tls: serve https with these.
        path: before every path of the API, as in Conjur Cloud.

    Attributes:
        overrides: part of a path -> what to answer in place of Conjur, or what makes it of a request.
        requests: everything that arrived, in order.
        connections: how many were opened.
        url: the base URL of the API.
        authority: the certificate to trust, with TLS.
    """

    host = "127.0.0.1"

    def __init__(self, state: ConjurState, tls: Certificates | None = None, path: str = "") -> None:
        self.state = state
        self.overrides: dict[str, Reply | Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []
        self.connections = 0
        self.authority: Path | None = tls.authority if tls else None
        self._api = ConjurApi(state, path)
        self._server = _Server((self.host, 0), _Handler)
        self._server.conjur = self
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://{self.host}:{self.port}{path}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            # The handshake is left to the connection's own thread.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True)

    def __enter__(self) -> ConjurServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def violations(self) -> list[str]:
        """What a careful client would not have sent."""
        return self._api.violations

    def count(self, part: str) -> int:
        """Return how many requests came whose path holds ``part``."""
        return sum(part in request.path for request in self.requests)

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        self.requests.append(request)
        for part, reply in self.overrides.items():
            if part in request.path:
                return reply if isinstance(reply, Reply) else reply(request)
        return self._api.answer(request)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    conjur: ConjurServer

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that distrusts the certificate, or whose deadline is over, goes: that is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def setup(self) -> None:
        cast("_Server", self.server).conjur.connections += 1
        super().setup()

    def do_GET(self) -> None:
        conjur = cast("_Server", self.server).conjur
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        request = Request(self.command, self.path, dict(self.headers), body)
        long = len(self.raw_requestline) > _MAX_REQUEST_LINE_BYTES
        reply = Reply(414) if long else conjur.answer(request)
        with contextlib.suppress(ConnectionError):
            self.send_response(reply.status)
            self.send_header("Content-Type", reply.content_type)
            for name, value in reply.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(reply.body)))
            self.end_headers()
            self.wfile.write(reply.body)

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""
