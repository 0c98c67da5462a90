"""Kong's side of the plugin server protocol, scripted: a few connections, and the PDK's answers by method."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import msgpack

TIMEOUT_S = 20.0
EXITS = {"kong.response.exit", "kong.response.error"}


class Wire:
    """One connection. Requests and replies may be taken apart: ``send`` now, ``reply`` later."""

    def __init__(self, path: Path) -> None:
        self.notifications: list[Any] = []
        self._msgid = 0
        self._unpacker = msgpack.Unpacker(strict_map_key=False, max_buffer_size=1 << 30)
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(TIMEOUT_S)
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def frame(self, method: str, argument: Any) -> bytes:
        """Return the next request, unsent."""
        self._msgid += 1
        return msgpack.packb([0, self._msgid, f"plugin.{method}", [argument]])

    def send(self, data: bytes) -> None:
        self._socket.sendall(data)

    def post(self, method: str, argument: Any) -> None:
        self.send(self.frame(method, argument))

    def message(self) -> Any:
        """Return the next message, whatever it is.

        Raises:
            EOFError: the server closed the connection.
        """
        while True:
            try:
                return self._unpacker.unpack()
            except msgpack.OutOfData:
                try:
                    data = self._socket.recv(65536)
                except ConnectionResetError:
                    data = b""
                if not data:
                    raise EOFError from None
                self._unpacker.feed(data)

    def reply(self) -> tuple[Any, Any]:
        """Return (error, result) of the last request, as mp_rpc.lua takes it."""
        while (message := self.message())[0] == 2:
            self.notifications.append(message[1:])
        kind, msgid, error, result = message
        assert (kind, msgid) == (1, self._msgid)
        return error, result

    def ask(self, method: str, argument: Any) -> tuple[Any, Any]:
        self.post(method, argument)
        return self.reply()

    def is_quiet(self, for_s: float) -> bool:
        """Whether the server sends nothing for so long."""
        self._socket.settimeout(for_s)
        try:
            self.message()
        except TimeoutError:
            return True
        finally:
            self._socket.settimeout(TIMEOUT_S)
        return False

    def close(self) -> None:
        self._socket.close()


@dataclass
class Outcome:
    """What became of an event.

    Attributes:
        calls: the PDK calls it made, as (method, arguments).
        end: ``ret``, ``exit``, or ``error``.
        error: the error, where that is the end.
    """

    calls: list[tuple[str, list[Any]]] = field(default_factory=list)
    end: str = "ret"
    error: Any = None

    @property
    def methods(self) -> list[str]:
        return [method for method, _arguments in self.calls]

    @property
    def last(self) -> tuple[str, list[Any]]:
        return self.calls[-1]


@dataclass
class PdkError:
    """A PDK answer that Kong sends by StepError."""

    text: Any


class Kong:
    """A gateway with a pool of connections, of which each RPC takes the next."""

    def __init__(self, path: Path, connections: int = 2) -> None:
        self.path = path
        self.wires = [Wire(path) for _ in range(connections)]
        self._opened: list[Wire] = []
        self._turn = 0

    def wire(self) -> Wire:
        self._turn += 1
        return self.wires[self._turn % len(self.wires)]

    def open(self) -> Wire:
        """Return one more connection, outside the pool."""
        self._opened.append(Wire(self.path))
        return self._opened[-1]

    def start(self, plugin: str, **config: Any) -> int:
        """Start an instance and return its id."""
        error, result = self.wire().ask("StartInstance", {"Name": plugin, "Config": json.dumps(config)})
        assert error is None, error
        return result["Id"]

    def event(self, instance: int, phase: str, answers: Mapping[str, Any] | None = None) -> Outcome:
        """Run an event to its end; a PDK call without an answer gets none, as a Lua nil does."""
        outcome = Outcome()
        error, result = self.wire().ask("HandleEvent", {"InstanceId": instance, "EventName": phase})
        event_id = result and result["EventId"]
        while error is None and result["Data"] != "ret":
            method, arguments = result["Data"]["Method"], result["Data"]["Args"]
            outcome.calls.append((method, arguments))
            if method in EXITS:
                outcome.end = "exit"
                return outcome
            error, result = self._step(event_id, (answers or {}).get(method), arguments)
        if error is not None:
            outcome.end, outcome.error = "error", error
        return outcome

    def results(self, instance: int, phase: str = "access", answers: Mapping[str, Any] | None = None) -> str:
        """Run an event of a plugin that reports, and return what it reports."""
        reports = [args[1] for method, args in self.event(instance, phase, answers).calls if args[:1] == ["x-results"]]
        assert reports, "the plugin has not reported"
        return reports[-1]

    def _step(self, event_id: int, answer: Any, arguments: list[Any]) -> tuple[Any, Any]:
        if isinstance(answer, Callable):  # type: ignore[arg-type]
            answer = answer(*arguments)
        if isinstance(answer, PdkError):
            return self.wire().ask("StepError", {"EventId": event_id, "Data": answer.text})
        data = {} if answer is None else {"Data": answer}
        return self.wire().ask("StepMultiMap" if isinstance(answer, dict) else "Step", {"EventId": event_id, **data})

    def close(self) -> None:
        for wire in self.wires + self._opened:
            wire.close()
