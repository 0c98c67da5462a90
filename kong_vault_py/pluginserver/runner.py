"""The greenlet that runs a plugin's phases, one after the other: making a new one costs more than running a phase."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from greenlet import greenlet

from kong_vault_py.pluginserver.protocol import ret_frame

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection
    from kong_vault_py.pluginserver.events import Events

__all__ = ["EventOver", "HeldUp", "Phase", "Runner", "StepFailed", "switch_to"]

#: Greenlets kept for later events.
_MAX_IDLE = 256

#: Past gevent's own ``Hub.switch``, whose bookkeeping is for gevent's greenlets.
switch_to: Callable[..., Any] = greenlet.switch


class EventOver(BaseException):
    """Unwinds the plugin: Kong will not ask this event again. No ``except Exception`` stops it."""


class HeldUp(BaseException):
    """Interrupts a phase, or a constructor, that holds up all others past its time (see ``stall``)."""


class StepFailed(Exception):  # noqa: N818 - a message between greenlets
    """Kong's StepError, on its way into the PDK call that waits for it.

    Args:
        error: what Kong sent, usually a text.
    """

    def __init__(self, error: object) -> None:
        super().__init__(error)
        self.error = error


@dataclass(eq=False, slots=True)
class Phase:
    """One phase of one plugin instance, ready to be called.

    Attributes:
        plugin: the plugin's name.
        name: the phase's name.
        path: the plugin's file.
        call: the phase with its PDK filled in.
        fails_open: a failure lets the request go on without the plugin.
        shows_traces: a failure's traceback goes into the response, for developers.
        events: how often it was called.
        failures: how often it raised or overran.
        tick: when it was called last, in ticks of ``Events``.
    """

    plugin: str
    name: str
    path: str
    call: Callable[[], object]
    fails_open: bool = False
    shows_traces: bool = False
    events: int = 0
    failures: int = 0
    tick: int = 0


class Runner(greenlet):
    """Runs one event at a time.

    Attributes:
        connection: where Kong waits for this event's next reply; ``None`` while Kong works on a PDK call, and when the
            event is over.
        msgid: of the request that waits there.
        event_id: 0 when no event runs, or its plugin has been cut off from it.
        phase: what runs.
        tick: when the event was first left waiting, in ticks of ``Events``.
        doomed: to end with its event: a greenlet that was thrown at may have wake-ups of gevent pending.
    """

    __slots__ = ("_events", "connection", "doomed", "event_id", "msgid", "phase", "tick")

    phase: Phase | None

    def __init__(self, hub: greenlet, events: Events) -> None:
        super().__init__(parent=hub)
        self._events = events
        self.connection: Connection | None = None
        self.msgid = self.event_id = self.tick = 0
        self.phase = None
        self.doomed = False

    def run(self, phase: Phase) -> None:
        """Run phases until told to stop. What a plugin raises never gets out of here."""
        events, parent = self._events, self.parent
        live, idle = events.live, events.idle
        # An unconditional loop: CPython 3.11 specializes code that is entered only once at no other jump.
        while True:
            try:
                call = phase.call
                call()
                connection = self.connection or self.settle()
            except EventOver:
                pass
            except BaseException as error:  # SystemExit in a plugin must not end the server
                events.fail(self, error)
            else:
                connection.write(ret_frame(self.msgid, self.event_id))
            if self.event_id:
                live.pop(self.event_id, None)
            else:
                events.lingering.pop(self, None)
            self.connection = self.phase = None
            self.event_id = 0
            if self.doomed or len(idle) >= _MAX_IDLE:
                return
            # Of this greenlet, which is the current one: no event sees another's context variables.
            self.gr_context = None
            idle.append(self)
            try:
                phase = switch_to(parent)
                # An event sets the connection first; anything else is a wake-up that a plugin left behind.
                while self.connection is None:
                    phase = switch_to(parent)
            except BaseException:  # a timeout that a plugin left behind, or the interpreter's end
                if self in idle:
                    idle.remove(self)
                return

    def settle(self) -> Connection:
        """Wait for Kong's answer to a PDK call that the plugin left by a timeout of its own; return where to go on.

        Raises:
            EventOver: Kong owes none; the event is over.
        """
        if not self.event_id:
            raise EventOver
        while self.connection is None:
            with contextlib.suppress(StepFailed):
                switch_to(self.parent)
        return self.connection

    def leave(self) -> None:
        """Cut the plugin off from its event: whatever it still does, it can't answer any more."""
        events = self._events
        events.live.pop(self.event_id, None)
        events.lingering[self] = events.tick
        self.event_id = 0
        self.connection = None
