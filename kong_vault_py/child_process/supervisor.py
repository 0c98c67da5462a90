"""A child that stands in for us: signals go to it, its exit code is ours, and rotation restarts or signals it."""

from __future__ import annotations

import logging
import os
import queue
import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from kong_vault_py.child_process.output import MaskedOutput
from kong_vault_py.child_process.program import exit_code, spawn
from kong_vault_py.child_process.signals import Signals, from_terminal

__all__ = ["Reaction", "Supervisor"]

log = logging.getLogger(__name__)

_LONG_S = 3600.0
#: Signals by which somebody wants us to end: a restart under way is then none any more.
_STOPPING = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGQUIT, signal.SIGHUP))


@dataclass(frozen=True)
class Reaction:
    """What rotated secrets do to the child.

    Attributes:
        number: the signal it gets; ``None`` restarts it.
        stop_timeout_s: seconds between SIGTERM and SIGKILL at a restart.
    """

    number: int | None = None
    stop_timeout_s: float = 10.0


class Supervisor:
    """Runs one command until it ends.

    Args:
        arguments: the command.
        signals: entered already.
        output: the mask on what it prints, ``None`` for our own output as it is.
        reaction: to :meth:`renew`.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        signals: Signals,
        *,
        output: MaskedOutput | None = None,
        reaction: Reaction | None = None,
    ) -> None:
        self._arguments = list(arguments)
        self._signals = signals
        self._output = output
        self._reaction = reaction or Reaction()
        self._news: queue.SimpleQueue[Mapping[str, str]] = queue.SimpleQueue()
        self._child = 0
        self._next: Mapping[str, str] | None = None  # of the restart under way
        self._kill_at: float | None = None

    def renew(self, environment: Mapping[str, str]) -> None:
        """Let the child know of new secrets, from any thread: by a signal, or by a restart with this environment."""
        self._news.put(environment)
        self._signals.wake()

    def run(self, environment: Mapping[str, str]) -> int:
        """Start the command and return its exit code, 128 and the signal's number where one killed it.

        Raises:
            StartError: it can't be started.
        """
        self._start(environment)
        while True:
            info = self._signals.next(self._patience_s())
            if info is not None:
                self._pass_on(info)
            status = self._reap()
            if status is not None:
                if self._next is None:
                    return exit_code(status)
                self._start(self._next)
            self._take_news()
            self._kill_when_late()

    def _start(self, environment: Mapping[str, str]) -> None:
        self._next = self._kill_at = None
        actions = self._output.file_actions if self._output else ()
        self._child = spawn(self._arguments, environment, signal_mask=self._signals.before, file_actions=actions)

    def _pass_on(self, info: signal.struct_siginfo) -> None:
        number = info.si_signo
        if number in _STOPPING:
            self._next = self._kill_at = None
        if not from_terminal(info):
            os.kill(self._child, number)
        if number == signal.SIGTSTP:
            os.kill(os.getpid(), signal.SIGSTOP)  # until somebody continues us, and by that the child

    def _reap(self) -> int | None:
        """Return the child's status if it has ended; others that we inherit, as a container's first process, go too."""
        ended = None
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return ended
            if process == 0:
                return ended
            if process == self._child:
                ended = status

    def _take_news(self) -> None:
        newest = None
        while not self._news.empty():
            newest = self._news.get()
        if newest is None:
            return
        if self._reaction.number is not None:
            log.info("secrets were rotated: %s to the command", signal.Signals(self._reaction.number).name)
            os.kill(self._child, self._reaction.number)
            return
        if self._next is None:
            log.info("secrets were rotated: the command is restarted")
            os.kill(self._child, signal.SIGTERM)
            self._kill_at = time.monotonic() + self._reaction.stop_timeout_s
        self._next = newest

    def _kill_when_late(self) -> None:
        if self._kill_at is not None and time.monotonic() >= self._kill_at:
            log.warning("the command did not end in %g s: killed", self._reaction.stop_timeout_s)
            os.kill(self._child, signal.SIGKILL)
            self._kill_at = None

    def _patience_s(self) -> float:
        return _LONG_S if self._kill_at is None else max(0.0, self._kill_at - time.monotonic())
