"""A plugin server that answers what a test tells it to, over a real unix socket."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from kong_vault_py.testing.wire import pack, unpacker


class Request(NamedTuple):
    connection: int
    msgid: int
    method: str
    argument: Any


class LastWords(bytes):
    """A reply behind which the server closes the connection, as one that dies."""


#: Returns the bytes to send; ``None`` closes the connection.
Handler = Callable[[Request], "bytes | None"]


def result(request: Request, value: Any) -> bytes:
    return pack([1, request.msgid, None, value])


def failure(request: Request, error: Any) -> bytes:
    return pack([1, request.msgid, error, None])


def call(method: str, *args: Any, event: Any = 0) -> dict[str, Any]:
    return {"EventId": event, "Data": {"Method": method, "Args": list(args)}}


def ret(event: Any = 0) -> dict[str, Any]:
    return {"EventId": event, "Data": "ret"}


class ServerDouble:
    """Hands every request to ``handler``; records them in ``requests``."""

    def __init__(self, path: Path, handler: Handler) -> None:
        self.path = path
        self.handler = handler
        self.requests: list[Request] = []
        self.opened = 0
        self.closed = 0
        self._changed = threading.Condition()
        self._sockets: list[socket.socket] = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def methods(self) -> list[str]:
        return [request.method.removeprefix("plugin.") for request in self.requests]

    def _accept(self) -> None:
        while True:
            try:
                accepted, _ = self._listener.accept()
            except OSError:
                return
            self.opened += 1
            self._sockets.append(accepted)
            thread = threading.Thread(target=self._serve, args=(accepted, self.opened), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        decoder = unpacker()
        try:
            while chunk := connection.recv(65536):
                decoder.feed(chunk)
                for _, msgid, method, (argument,) in decoder:
                    request = Request(number, msgid, method, argument)
                    self.requests.append(request)
                    answer = self.handler(request)
                    if answer is None:
                        return
                    connection.sendall(answer)
                    if isinstance(answer, LastWords):
                        return
        except OSError:
            return
        finally:
            connection.close()
            with self._changed:
                self.closed += 1
                self._changed.notify_all()

    def wait_closed(self, count: int) -> None:
        """Wait until that many connections have been closed on this side."""
        with self._changed:
            assert self._changed.wait_for(lambda: self.closed >= count, 5), f"{self.closed} closed, not {count}"

    def send_unasked(self, message: bytes) -> None:
        """Send a message over the newest connection."""
        self._sockets[-1].sendall(message)

    def stop(self) -> None:
        # A shutdown wakes the threads; a bare close would leave them in recv for ever.
        self._shut(self._listener)
        self._threads[0].join(5)
        self._listener.close()
        for one in self._sockets:
            self._shut(one)
        for thread in self._threads[1:]:
            thread.join(5)
        self.path.unlink(missing_ok=True)

    @staticmethod
    def _shut(one: socket.socket) -> None:
        with contextlib.suppress(OSError):
            one.shutdown(socket.SHUT_RDWR)


class ScriptedPlugin:
    """A handler that starts instances and answers events from a table of phases.

    Args:
        events: for each phase, the PDK calls ``(method, *args)`` that the plugin makes; their results land in
            ``results`` as ``(method of the step, its Data, or ABSENT)``.
    """

    ABSENT = object()

    def __init__(self, **events: list[tuple[Any, ...]]) -> None:
        self.events = events
        self.results: list[tuple[str, Any]] = []
        self._instances = 0
        self._next_event = 0
        self._open: dict[int, list[tuple[Any, ...]]] = {}
        self._lock = threading.Lock()

    def __call__(self, request: Request) -> bytes | None:
        with self._lock:
            return result(request, self._answer(request))

    def _answer(self, request: Request) -> Any:
        if request.method == "plugin.StartInstance":
            self._instances += 1
            return {"Id": self._instances - 1}
        if request.method == "plugin.CloseInstance":
            return {"Id": request.argument}
        if request.method == "plugin.HandleEvent":
            event = self._next_event
            self._next_event += 1
            self._open[event] = list(self.events.get(request.argument["EventName"], []))
        else:
            event = request.argument["EventId"]
            self.results.append((request.method, request.argument.get("Data", self.ABSENT)))
        calls = self._open[event]
        return call(*calls.pop(0), event=event) if calls else ret(event)
