"""An agent that takes only exact requests, and answers as a test says: on a unix socket or a loopback port."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_HEAD_END = b"\r\n\r\n"


@dataclass
class Request:
    """What came.

    Attributes:
        headers: lower-case names.
        body: the decoded JSON.
        connection: the number of its connection.
        socket: to answer on.
    """

    headers: dict[str, str]
    body: dict[str, Any]
    connection: int
    socket: socket.socket = field(repr=False)


#: Answers; true to keep the connection.
Behaviour = Callable[[Request], bool]


def response(body: object, status: int = 200, *extra: str) -> bytes:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} Whatever", "Content-Type: application/json", f"Content-Length: {len(text)}", *extra]
    return "\r\n".join(lines).encode() + _HEAD_END + text


def says(value: str, ttl: float | None = None, encoding: str = "utf-8") -> Behaviour:
    """Always the same value, on connections that stay open."""
    return sends(response({"value": value, "encoding": encoding, "ttl": ttl}), keep=True)


def refuses(status: int, code: str, message: str) -> Behaviour:
    return sends(response({"error": {"code": code, "message": message}}, status), keep=True)


def sends(raw: bytes, *, keep: bool = False) -> Behaviour:
    def behave(request: Request) -> bool:
        request.socket.sendall(raw)
        return keep

    return behave


class FakeAgent:
    """Listens until closed; a context manager.

    Args:
        at: a socket's path, or an address of the loopback interface.
        behaviour: how it answers.
    """

    def __init__(self, at: Path | str, behaviour: Behaviour) -> None:
        self.behaviour = behaviour
        self.requests: list[Request] = []
        self.problems: list[str] = []
        self._open: set[socket.socket] = set()
        self._connections = 0
        if isinstance(at, str):
            family = socket.AF_INET6 if ":" in at else socket.AF_INET
            self._listener = socket.create_server((at, 0), family=family)
            self.options: dict[str, Any] = {"agent_host": at, "agent_port": self._listener.getsockname()[1]}
        else:
            self._listener = socket.socket(socket.AF_UNIX)
            self._listener.bind(str(at))
            self._listener.listen(64)
            self.options = {"agent_socket": str(at)}

    def __enter__(self) -> FakeAgent:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self.close_connections()
        assert self.problems == []

    def close_connections(self) -> None:
        """Close what clients keep open, as an agent that restarts."""
        for connection in list(self._open):
            connection.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections += 1
            self._open.add(connection)
            threading.Thread(target=self._serve, args=(connection, self._connections), daemon=True).start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        try:
            with connection, connection.makefile("rb") as stream:
                while (request := self._read(stream, connection, number)) is not None:
                    self.requests.append(request)
                    if not self.behaviour(request):
                        return
        except OSError:
            return
        finally:
            self._open.discard(connection)

    def _read(self, stream: Any, connection: socket.socket, number: int) -> Request | None:
        line = stream.readline()
        if not line:
            return None
        headers: dict[str, str] = {}
        while (text := stream.readline().decode("ascii").removesuffix("\r\n")) != "":
            name, _, value = text.partition(": ")
            if name.lower() in headers:
                self.problems.append(f"header {name} twice")
            headers[name.lower()] = value
        body = json.loads(stream.read(int(headers["content-length"])))
        expected = {"strategy": str, "config": dict, "resource": str, "version": (int, float, type(None))}
        if line != b"POST /v1/fetch HTTP/1.1\r\n":
            self.problems.append(f"request line {line!r}")
        if headers.get("content-type") != "application/json" or "host" not in headers:
            self.problems.append(f"headers {headers}")
        if body.keys() != expected.keys() or not all(isinstance(body[name], kind) for name, kind in expected.items()):
            self.problems.append(f"body {body}")
        return Request(headers, body, number, connection)
