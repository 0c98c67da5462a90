"""An HTTP service in a thread of this process, on a free loopback port: what the strict servers of tests stand on."""

from __future__ import annotations

import abc
import json
import threading
from dataclasses import dataclass
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar

S = TypeVar("S", bound="HttpService")


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"

    @classmethod
    def of_json(cls, status: int, document: object) -> Answer:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(document).encode())


class HttpService(abc.ABC):
    """Serves while it is entered; every request goes to :meth:`answer`, in a thread of its own."""

    _server: ThreadingHTTPServer
    _thread: threading.Thread

    @abc.abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer a request."""

    @property
    def host(self) -> str:
        """The address it listens on."""
        return "127.0.0.1"

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self: S) -> S:
        service = self

        class Handler(_Handler):
            def respond(self, request: Request) -> Answer:
                return service.answer(request)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        # Not server_close(): it waits for the threads of connections that clients keep open.
        self._server.socket.close()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def respond(self, request: Request) -> Answer:
        raise NotImplementedError

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        path, _, query = self.path.partition("?")
        request = Request(self.command, path, query, self.headers, self.rfile.read(length))
        answer = self.respond(request)
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_POST = do_DELETE = do_PUT = do_GET  # noqa: N815  # http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        """Keep the tests' output to what they say."""
