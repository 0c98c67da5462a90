"""The life of an event: from HandleEvent over its Steps to its last reply, its failure or its deadline."""

from __future__ import annotations

import itertools
import logging
import math
import random
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from greenlet import greenlet

from kong_vault_py.pluginserver.failure import (
    Act,
    acts_for,
    acts_for_overload,
    acts_for_overrun,
    acts_for_unknown,
)
from kong_vault_py.pluginserver.protocol import error_frame
from kong_vault_py.pluginserver.runner import EventOver, HeldUp, Phase, Runner, StepFailed

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection

__all__ = ["MAX_ID", "MOST_EVENTS", "Events", "random_base"]

log = logging.getLogger(__name__)

#: Lua's numbers are doubles: whole up to here.
MAX_ID = 1 << 53
#: Ids start at random between these, so that a restarted server takes none of the old one's for its own.
_MIN_BASE, _MAX_BASE = 1 << 40, 1 << 52

#: By default; each costs about 10 KiB.
MOST_EVENTS = 10_000
_TICKS_PER_TIMEOUT = 10
_MAX_TICK_S = 1.0


def random_base() -> int:
    """Return where a process's ids start."""
    return random.SystemRandom().randrange(_MIN_BASE, _MAX_BASE)


class _Closing:
    """An event whose plugin is gone and whose last replies Kong has still to fetch."""

    __slots__ = ("acts", "tick")

    def __init__(self, acts: list[Act], tick: int) -> None:
        self.acts = deque(acts)
        self.tick = tick


class Events:
    """All events in flight. Everything here runs in gevent's hub, but for :meth:`fail`.

    Args:
        hub: gevent's hub, the parent of all runners.
        timeout_s: how long a phase may take, Kong's share included.
        index: of this worker process among ``count``; its events' ids tell it: ``id % count``.
        count: how many workers there are.
        most: how many events may be in flight; one more is answered with 503 at once.

    Attributes:
        refused: how many events were one more.
        elsewhere: takes a Step of an event that isn't here, if another worker has it; says whether it did.
        live: event id -> the runner that is inside a PDK call or waits for something else.
        idle: runners without an event.
        lingering: runners whose event is over but whose plugin still runs, with the tick of their end.
        tick: coarse time; :meth:`sweep` moves it every ``tick_s`` seconds.
    """

    def __init__(
        self, hub: greenlet, timeout_s: float, *, index: int = 0, count: int = 1, most: int = MOST_EVENTS
    ) -> None:
        self.refused = 0
        self._most = most
        self._told_tick = -1
        self.elsewhere: Callable[..., bool] | None = None
        self.live: dict[int, Runner] = {}
        self.idle: list[Runner] = []
        self.lingering: dict[Runner, int] = {}
        self.tick = 0
        self.tick_s = min(_MAX_TICK_S, timeout_s / _TICKS_PER_TIMEOUT)
        self._hub = hub
        self._timeout_s = timeout_s
        self._timeout_ticks = math.ceil(timeout_s / self.tick_s)
        self._closing: dict[int, _Closing] = {}
        self._id_stride = count
        self._last_id = random_base() // count * count + index

    @property
    def in_flight(self) -> int:
        """How many events are not over."""
        return len(self.live) + len(self._closing)

    def oldest_s(self) -> float:
        """Return for how long, roughly, the oldest event has been waiting for something."""
        oldest = next(iter(self.live.values()), None)
        return (self.tick - oldest.tick) * self.tick_s if oldest else 0.0

    def handle(self, connection: Connection, msgid: int, phase: Phase) -> None:
        """Run a phase until it first waits: for Kong, or for anything else."""
        if self.idle:
            runner = self.idle.pop()
        elif len(self.live) + len(self.lingering) < self._most:
            runner = Runner(self._hub, self)
        else:
            self._refuse(connection, msgid, phase)
            return
        phase.events += 1
        phase.tick = self.tick
        self._last_id = event_id = self._last_id + self._id_stride
        runner.connection = connection
        runner.msgid = msgid
        runner.event_id = event_id
        runner.phase = phase
        runner.switch(phase)
        if runner.event_id == event_id:
            runner.tick = self.tick
            self.live[event_id] = runner

    def resume(self, connection: Connection, msgid: int, event_id: int, answer: Any) -> bool:
        """Hand the result of a PDK call to the event that waits for it; False if none does."""
        runner = self.live.get(event_id)
        if runner is None or runner.connection is not None:
            return False
        runner.connection = connection
        runner.msgid = msgid
        runner.switch(answer)
        return True

    def step(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        """Handle a Step of any kind."""
        if not self.resume(connection, msgid, argument["EventId"], argument.get("Data")):
            self._step_unusual(connection, msgid, argument, failed=False)

    def step_error(self, connection: Connection, msgid: int, argument: dict[str, Any]) -> None:
        """Hand the error of a PDK call to the event that waits for its result."""
        runner = self.live.get(argument["EventId"])
        if runner is None or runner.connection is not None:
            self._step_unusual(connection, msgid, argument, failed=True)
            return
        runner.connection = connection
        runner.msgid = msgid
        runner.throw(StepFailed(argument.get("Data", "unknown error")))

    def fail(self, runner: Runner, error: BaseException) -> None:
        """Answer for a phase that raised. Called in the runner, after the plugin has been left."""
        phase = runner.phase
        if phase is None or not runner.event_id:
            log.debug("a plugin raised after its event was over", exc_info=error)
            return
        log.debug("plugin '%s' raised in phase %s", phase.plugin, phase.name, exc_info=error)
        phase.failures += 1
        if isinstance(error, HeldUp):
            self._finish(runner, acts_for_overrun(phase, self._timeout_s, error))
        else:
            self._finish(runner, acts_for(phase, error))

    def sweep(self) -> None:
        """Move the coarse time on, and end what is past its deadline."""
        self.tick += 1
        limit = self.tick - self._timeout_ticks
        for runner in _until(self.live, limit):
            self._overrun(runner)
        for runner in [runner for runner, tick in self.lingering.items() if tick < limit]:
            runner.doomed = True
            runner.throw(EventOver())
        for event_id in [event_id for event_id, closing in self._closing.items() if closing.tick < limit]:
            del self._closing[event_id]

    def abandon(self) -> None:
        """Unwind every plugin that still runs; the server ends."""
        for runner in [*self.live.values(), *self.lingering]:
            runner.leave()
            runner.doomed = True
            runner.throw(EventOver())
        self._closing.clear()

    def _overrun(self, runner: Runner) -> None:
        phase = runner.phase
        assert phase is not None
        phase.failures += 1
        log.warning("plugin '%s' overran %g s in phase %s", phase.plugin, self._timeout_s, phase.name)
        self._finish(runner, acts_for_overrun(phase, self._timeout_s))
        runner.leave()
        runner.doomed = True
        runner.throw(EventOver())

    def _refuse(self, connection: Connection, msgid: int, phase: Phase) -> None:
        """Answer for an event that is one too many; Kong's log and ours are told once per tick."""
        self.refused += 1
        phase.failures += 1
        acts = acts_for_overload(phase, self._most)
        if self._told_tick == self.tick:
            del acts[:-1]
        else:
            log.error("%d events are in flight, no more are taken (%d refused so far)", self._most, self.refused)
        self._told_tick = self.tick
        self._last_id = event_id = self._last_id + self._id_stride
        if connection.write(acts[0].frame(msgid, event_id)) and acts[1:]:
            self._closing[event_id] = _Closing(acts[1:], self.tick)

    def _finish(self, runner: Runner, acts: list[Act]) -> None:
        """Send the first of the last replies if Kong waits for one; keep the others for its next Steps."""
        event_id, connection = runner.event_id, runner.connection
        if connection is not None:
            if not connection.write(acts[0].frame(runner.msgid, event_id)):
                return
            del acts[0]
        if acts:
            self._closing[event_id] = _Closing(acts, self.tick)

    def _step_unusual(self, connection: Connection, msgid: int, argument: dict[str, Any], *, failed: bool) -> None:
        event_id: Any = argument["EventId"]
        if isinstance(event_id, str) and event_id.isdecimal() and len(event_id) <= len(str(MAX_ID)):
            again = self.step_error if failed else self.step
            return again(connection, msgid, {**argument, "EventId": int(event_id)})
        if event_id in self.live:
            connection.write(error_frame(msgid, f"event {event_id} waits for no result"))
            return None
        if event_id in self._closing:
            self._go_on_closing(connection, msgid, event_id)
        elif not _is_ours(event_id):
            connection.write(error_frame(msgid, f"no event {str(event_id)[:40]!r}: it is over, or never was"))
        elif self.elsewhere is None or not self.elsewhere(connection, msgid, argument, failed=failed):
            self.step_unknown(connection, msgid, event_id)
        return None

    def step_unknown(self, connection: Connection, msgid: int, event_id: int) -> None:
        """Answer for an event of a plugin server that is gone: its plugin has not finished."""
        self._closing[event_id] = _Closing(acts_for_unknown(int(event_id)), self.tick)
        self._go_on_closing(connection, msgid, event_id)

    def _go_on_closing(self, connection: Connection, msgid: int, event_id: int) -> None:
        closing = self._closing[event_id]
        connection.write(closing.acts.popleft().frame(msgid, int(event_id)))
        if not closing.acts:
            del self._closing[event_id]


def _is_ours(event_id: object) -> bool:
    """Whether a plugin server of this kind, this one or an earlier one, may have given the id."""
    return isinstance(event_id, (int, float)) and _MIN_BASE < event_id < MAX_ID


def _until(live: dict[int, Runner], limit: int) -> list[Runner]:
    """Return the runners that have been at it for too long; the oldest are first in ``live``."""
    return list(itertools.takewhile(lambda runner: runner.tick < limit, live.values()))
