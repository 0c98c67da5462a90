"""The answers of a server that has to end while its own thread is stuck: every request is ended, none let pass.

Nothing but this runs by then, and the process ends right after it.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from kong_vault_py.pluginserver.failure import acts_for_overrun
from kong_vault_py.pluginserver.protocol import error_frame, new_unpacker

if TYPE_CHECKING:
    from collections.abc import Iterable

    from kong_vault_py.pluginserver.connection import Connection
    from kong_vault_py.pluginserver.dispatch import Dispatcher
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.runner import Phase, Runner

__all__ = ["say_last_words"]

_READ_BYTES = 1 << 20


def say_last_words(
    connections: Iterable[Connection], dispatcher: Dispatcher, events: Events, stalled: Runner | None, timeout_s: float
) -> None:
    """Answer whoever waits: the stalled event, others in flight, and requests that nobody has read yet."""
    for runner in {*events.live.values(), *([stalled] if stalled else [])}:
        if runner.connection is not None and runner.phase is not None and runner.event_id:
            runner.connection.send_now(_last_act(runner.phase, runner.msgid, runner.event_id, timeout_s))
    phase = stalled.phase if stalled else None
    for connection in list(connections):
        with contextlib.suppress(Exception):
            for kind, msgid, method, arguments in _unread(connection):
                if kind == 0:
                    found, event_id = _named(dispatcher, events, method, arguments[0], phase)
                    connection.send_now(
                        error_frame(msgid, {"message": "the plugin server is stuck, and ends"})
                        if found is None
                        else _last_act(found, msgid, event_id, timeout_s)
                    )


def _named(
    dispatcher: Dispatcher, events: Events, method: str, argument: Any, stalled: Phase | None
) -> tuple[Phase | None, int]:
    """Return the phase that a request is for, and its event."""
    if method == "plugin.HandleEvent":
        return dispatcher.find_phase(argument) or stalled, 0
    runner = events.live.get(argument.get("EventId", 0)) if isinstance(argument, dict) else None
    return (runner.phase, runner.event_id) if runner else (None, 0)


def _last_act(phase: Phase, msgid: int, event_id: int, timeout_s: float) -> bytes:
    return acts_for_overrun(phase, timeout_s)[-1].frame(msgid, event_id)


def _unread(connection: Connection) -> list[Any]:
    unpacker = new_unpacker()
    unpacker.feed(connection.read_now(_READ_BYTES))
    return list(unpacker)
