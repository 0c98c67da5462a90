"""HTTP on a free loopback port, in threads of this process: what every server of the tests' own stands on.

It knows nothing of what is asked: who uses it gives a function that answers.
"""

from __future__ import annotations

import contextlib
import ssl
import sys
import threading
from collections.abc import Callable, Iterable
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, TypeVar, cast

from tests.servers.certificates import Certificates

HOST = "127.0.0.1"
_POLL_S = 0.01
_IDLE_S = 30

L = TypeVar("L", bound="LoopbackHttp")


class Arrived(NamedTuple):
    """A request as it came.

    Attributes:
        method: the HTTP method.
        target: path and query, nothing decoded.
        headers: by name, in any case.
        body: whole.
        line_bytes: length of the request line.
    """

    method: str
    target: str
    headers: Message
    body: bytes
    line_bytes: int


class Sent(NamedTuple):
    """What goes back; its length is added."""

    status: int
    headers: Iterable[tuple[str, str]]
    body: bytes


class LoopbackHttp:
    """Serves while it is entered; each connection has a thread of its own.

    Args:
        answer: answers a request.
        tls: speak TLS with these.

    Attributes:
        connections: how many were opened.
        port: where it listens, from the start.
        url: the base URL.
    """

    def __init__(self, answer: Callable[[Arrived], Sent], tls: Certificates | None = None) -> None:
        self.connections = 0
        self.answer = answer
        self._server = _Server((HOST, 0), _Handler)
        self._server.owner = self
        self.port = int(self._server.server_address[1])
        self.url = f"{'https' if tls else 'http'}://{HOST}:{self.port}"
        if tls:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(tls.certificate, tls.key)
            # The handshake is left to the connection's own thread.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        self._thread = threading.Thread(target=self._server.serve_forever, args=(_POLL_S,), daemon=True)

    def __enter__(self: L) -> L:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    owner: LoopbackHttp

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that distrusts the certificate, or whose deadline is over, goes: that is no news."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    timeout = _IDLE_S

    def setup(self) -> None:
        cast("_Server", self.server).owner.connections += 1
        super().setup()

    def do_GET(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        arrived = Arrived(self.command, self.path, self.headers, body, len(self.raw_requestline))
        sent = cast("_Server", self.server).owner.answer(arrived)
        with contextlib.suppress(OSError):
            self.send_response(sent.status)
            for name, value in sent.headers:
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(sent.body)))
            self.end_headers()
            self.wfile.write(sent.body)

    do_POST = do_PUT = do_DELETE = do_PATCH = do_GET  # noqa: N815  # http.server's names

    def finish(self) -> None:
        with contextlib.suppress(OSError):
            super().finish()

    def log_message(self, format: str, *args: object) -> None:
        """Keep the tests' output to what they say."""
