"""A server on the loopback interface that misbehaves as told: for a strategy's time-outs and malformed answers."""

from __future__ import annotations

import contextlib
import re
import socket
import threading
from types import TracebackType

__all__ = ["LoopbackServer"]

_REQUEST_BYTES = 65_536


class LoopbackServer:
    """Accepts connections, and sends the same bytes after each request; a context manager.

    Args:
        answer: what to send, then the connection is closed; ``None``: never answer, and keep it open.
        trickle: sent again and again after the answer, until the client goes.
        every_s: seconds between two of those.

    Attributes:
        host: the address it listens on.
        port: the port it listens on.
        requests: what was received, one item per connection.
    """

    host = "127.0.0.1"

    def __init__(self, answer: bytes | None, *, trickle: bytes = b"", every_s: float = 0.05) -> None:
        self._answer = answer
        self._trickle = trickle
        self._every_s = every_s
        self._closing = threading.Event()
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self.requests: list[bytes] = []
        self._silent: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve, name="loopback-server", daemon=True)

    def __enter__(self) -> LoopbackServer:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._closing.set()
        with contextlib.suppress(OSError):
            # Wakes the accept(), which a bare close() would leave waiting.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for connection in self._silent:
            connection.close()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            if self._answer is None:
                self._silent.append(connection)
                continue
            with connection, contextlib.suppress(OSError):
                connection.settimeout(5)
                self.requests.append(_request(connection))
                connection.sendall(self._answer)
                while self._trickle and not self._closing.wait(self._every_s):
                    connection.sendall(self._trickle)


def _request(connection: socket.socket) -> bytes:
    """Read a request to its end: closing with a part unread would reset the connection, and the answer with it."""
    request = connection.recv(_REQUEST_BYTES)
    while (missing := _missing_bytes(request)) and (more := connection.recv(missing)):
        request += more
    return request


def _missing_bytes(request: bytes) -> int:
    head, end, body = request.partition(b"\r\n\r\n")
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    return int(length[1]) - len(body) if end and length else 0
