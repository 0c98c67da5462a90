"""What makes several workers one server: instances that all of them run, and Steps that find their event."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent.queue import Queue

from kong_vault_py.pluginserver.peers import LOST, Peers
from kong_vault_py.pluginserver.protocol import error_frame, pack, result_frame

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection
    from kong_vault_py.pluginserver.dispatch import Dispatcher
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.instances import Instances
    from kong_vault_py.pluginserver.prefork import Worker

__all__ = ["Sharing"]

_DESCRIBE, _CLOSE, _STATUS = "worker.DescribeInstance", "worker.CloseInstance", "worker.Status"
#: A worker that doesn't answer for so long is left out.
_STATUS_S = 2.0


class Sharing:
    """One worker's part in the server.

    Args:
        worker: what it was given.
        loop: gevent's event loop.
        dispatcher, instances, events: its own.
    """

    def __init__(self, worker: Worker, loop: Any, dispatcher: Dispatcher, instances: Instances, events: Events) -> None:
        self._instances = instances
        self._events = events
        self._looked_for: dict[int, list[Callable[[], None]]] = {}
        methods: dict[str, Callable[[Connection, int, Any], None]] = {
            "plugin.Step": events.step,
            "plugin.StepError": events.step_error,
            _DESCRIBE: self._describe,
            _CLOSE: self._close,
            _STATUS: self._tell_status,
        }
        #: Returns this worker's own status.
        self.status: Callable[[], dict[str, Any]] = dict
        self.peers = Peers(worker, loop, lambda connection, frame: dispatcher.dispatch(connection, frame, methods))
        dispatcher.sharing = self
        events.elsewhere = self._step_elsewhere

    def find_instance(self, number: int, then: Callable[[], None]) -> None:
        """Start an instance that another worker has here too, if there is one; in any case call ``then`` in the hub."""
        waiting = self._looked_for.setdefault(number, [])
        waiting.append(then)
        if len(waiting) == 1:
            self.peers.ask_all(_DESCRIBE, number, lambda _error, found: self._adopt(number, found))

    def close_instance(self, number: int, told: Any, answer: Callable[[Any], None]) -> None:
        """Close an instance in all other workers; ``answer`` gets what Kong is told, ``None`` if nobody had it."""
        self._looked_for.pop(number, None)
        self.peers.ask_all(_CLOSE, number, lambda _error, found: answer(told or found))

    def statuses(self) -> list[dict[str, Any]]:
        """Return the status of each worker; waits for theirs."""
        answers: Queue[dict[str, Any] | None] = Queue()
        found = [self.status()]
        with gevent.Timeout(_STATUS_S, False):  # type: ignore[arg-type]  # the stubs don't know False
            for _ in range(self.peers.gather(_STATUS, None, answers.put)):
                found += [status for status in [answers.get()] if status]
        return found

    def _adopt(self, number: int, found: Any) -> None:
        if found is None or number not in self._looked_for:
            self._found(number)
        else:
            self._instances.adopt(number, found, lambda: self._found(number))

    def _found(self, number: int) -> None:
        for then in self._looked_for.pop(number, ()):
            then()

    def _describe(self, connection: Connection, msgid: int, number: Any) -> None:
        connection.write(result_frame(msgid, pack(self._instances.describe(number))))

    def _tell_status(self, connection: Connection, msgid: int, _argument: Any) -> None:
        connection.write(result_frame(msgid, pack(self.status())))

    def _close(self, connection: Connection, msgid: int, number: Any) -> None:
        self._looked_for.pop(number, None)
        connection.write(result_frame(msgid, pack(self._instances.close(number))))

    def _step_elsewhere(self, connection: Connection, msgid: int, argument: dict[str, Any], *, failed: bool) -> bool:
        """Hand a Step to the worker whose event it is; False if that is this one, or gone."""
        link = self.peers.owner(argument["EventId"])
        if link is None:
            return False

        def answered(error: Any, result: Any) -> None:
            if error is LOST:
                self._events.step_unknown(connection, msgid, argument["EventId"])
            elif error is not None:
                connection.write(error_frame(msgid, error))
            else:
                connection.write(result_frame(msgid, pack(result)))

        link.ask("plugin.StepError" if failed else "plugin.Step", argument, answered)
        return True
