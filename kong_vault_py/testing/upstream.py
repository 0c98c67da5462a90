"""An upstream for tests and demos: answers with what it was asked, and remembers it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from kong_vault_py.dialect.lua_value import to_bytes, to_text
from kong_vault_py.testing.headers import Headers
from kong_vault_py.testing.http_server import read_body

__all__ = ["Answer", "EchoUpstream", "UpstreamRequest"]


@dataclass(frozen=True)
class UpstreamRequest:
    """A request as it reached the upstream."""

    method: str
    target: str
    headers: Headers
    body: bytes

    def as_json(self) -> dict[str, Any]:
        """Return what the echo says of it; a repeated header as its values joined by a comma."""
        names = dict.fromkeys(name.lower() for name, _ in self.headers)
        headers = {name: ", ".join(self.headers.get_all(name)) for name in names}
        return {"method": self.method, "path": self.target, "headers": headers, "body": to_text(self.body)}


@dataclass(frozen=True)
class Answer:
    """What an upstream answers."""

    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""


def echo(request: UpstreamRequest) -> Answer:
    """Answer with the request itself, as JSON."""
    body = json.dumps(request.as_json(), indent=1).encode("utf-8", "surrogateescape")
    return Answer(200, {"Content-Type": "application/json"}, body)


class EchoUpstream:
    """An HTTP server on a free loopback port; a context manager.

    Args:
        answer: makes the answer to a request; by default the request itself as JSON with the fields method, path,
            headers and body.
        port: the port, 0 for any free one.
    """

    def __init__(self, answer: Callable[[UpstreamRequest], Answer] = echo, port: int = 0) -> None:
        self.requests: list[UpstreamRequest] = []
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.answer, self._server.requests = answer, self.requests
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Its URL, without a slash at its end."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop serving."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> EchoUpstream:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    answer: Callable[[UpstreamRequest], Answer]
    requests: list[UpstreamRequest]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 60
    wbufsize = -1

    def handle_one_request(self) -> None:
        """Answer one request, whatever its method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline or not self.parse_request():
            self.close_connection = True
            return
        server = cast("_Server", self.server)
        headers = Headers((name, to_text(value.encode("latin-1"))) for name, value in self.headers.items())
        target = to_text(self.raw_requestline.split(b" ")[1])
        request = UpstreamRequest(self.command, target, headers, read_body(self))
        server.requests.append(request)
        answer = server.answer(request)
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, to_bytes(value).decode("latin-1"))
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(answer.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing."""
