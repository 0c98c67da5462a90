"""The gateway's HTTP side: reads a request off the wire, has it run through the phases, writes the response."""

from __future__ import annotations

import threading
import traceback
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

from kong_vault_py.dialect.lua_value import to_bytes, to_text
from kong_vault_py.testing.context import NodeState, RequestContext
from kong_vault_py.testing.headers import Headers
from kong_vault_py.testing.respond import finish

__all__ = ["HttpServer", "read_body"]

#: Runs a request; returns what is to be called once its response is sent.
Run = Callable[[RequestContext], Callable[[], None]]

_NO_BODY = (204, 304)


class HttpServer:
    """Listens on a loopback port; a thread per connection.

    Args:
        node: what all requests share.
        run: runs one request.
        port: the port, 0 for any free one.
    """

    def __init__(self, node: NodeState, run: Run, port: int = 0) -> None:
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.node, self._server.run = node, run
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def start(self) -> None:
        """Serve in a thread of its own."""
        self._thread.start()

    def stop(self) -> None:
        """Stop listening and close open connections."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    node: NodeState
    run: Run


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # An idle client connection must not keep a thread for ever.
    timeout = 60
    disable_nagle_algorithm = True
    wbufsize = -1

    def handle_one_request(self) -> None:
        """Read one request and answer it, whatever its method."""
        self.raw_requestline = self.rfile.readline(65537)
        if not self.raw_requestline:
            self.close_connection = True
            return
        if not self.parse_request():
            return
        server = cast("_Server", self.server)
        context = self._context(server.node)
        try:
            after = server.run(context)
        except Exception:
            server.node.log.write("crit", f"the gateway itself failed: {traceback.format_exc()}")
            context.response.status = 500
            after = _nothing
        self._write(context)
        after()

    def _context(self, node: NodeState) -> RequestContext:
        target = to_text(self.raw_requestline.split(b" ")[1])
        headers = Headers((name, to_text(value.encode("latin-1"))) for name, value in self.headers.items())
        return RequestContext(
            node=node,
            method=self.command,
            target=target,
            query=target.partition("?")[2],
            http_version=float(self.request_version.rpartition("/")[2]),
            headers=headers,
            body=read_body(self),
            server_port=int(cast("tuple[str, int]", self.server.server_address)[1]),
            client_ip=str(self.client_address[0]),
            client_port=int(self.client_address[1]),
        )

    def _write(self, context: RequestContext) -> None:
        finish(context, keep_alive=not self.close_connection)
        response = context.response
        self.send_response_only(response.status)
        for name, value in response.headers:
            self.send_header(name, to_bytes(value).decode("latin-1"))
        self.end_headers()
        if context.method != "HEAD" and response.status not in _NO_BODY:
            self.wfile.write(response.body)
        self.wfile.flush()

    def log_message(self, format: str, *args: Any) -> None:
        """Print nothing: the gateway has a log of its own."""


def _nothing() -> None:
    pass


def read_body(handler: BaseHTTPRequestHandler) -> bytes:
    """Return a request's body, chunked or of a known length."""
    if "chunked" not in handler.headers.get("Transfer-Encoding", "").lower():
        return handler.rfile.read(int(handler.headers.get("Content-Length") or 0))
    chunks = []
    while size := int(handler.rfile.readline().partition(b";")[0], 16):
        chunks.append(handler.rfile.read(size))
        handler.rfile.readline()
    while handler.rfile.readline().strip():
        pass
    return b"".join(chunks)
