"""What to do when a plugin holds up the whole process: it computes, or blocks where gevent can't switch.

A real thread looks whether the loop turns. If it doesn't, the log gets the plugin, the phase and the stack. After the
event timeout the phase is interrupted by a signal, which reaches Python code and the system calls of Python itself.
What it doesn't reach, a C library that never comes back, ends the process: with an answer to every request that can be
found (see ``last_words``), before Kong gives up waiting and lets them pass. Whoever started the server starts it again.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from types import FrameType

import gevent
from gevent import monkey
from greenlet import getcurrent

from kong_vault_py.pluginserver.runner import HeldUp, Runner

__all__ = ["STALLED_EXIT", "Constructing", "StallWatch"]

log = logging.getLogger(__name__)

STALLED_EXIT = 70

_SIGNAL = signal.SIGRTMIN + 9
_STALLED_S = 1.5
_LONGEST_LOOK_S = 0.5
_LOOKS_PER_TIMEOUT = 5
_LONGEST_LAST_GRACE_S = 5.0
_LOG_S = 0.2
_SHOWN_FRAMES = 8
#: Code that must not be interrupted: ours, and gevent's.
_UNTOUCHABLE = (str(Path(__file__).parents[1]) + os.sep, str(Path(gevent.__file__).parent) + os.sep)

_sleep = monkey.get_original("time", "sleep")
_start_thread = monkey.get_original("_thread", "start_new_thread")


class Constructing(gevent.Greenlet):  # type: ignore[type-arg]  # no generic when it runs
    """The greenlet of a plugin's constructor, which may be interrupted too."""


class StallWatch:
    """Watches the loop of the thread that makes it.

    Args:
        beats: returns a number that changes while the loop turns.
        beat_s: how often it changes.
        timeout_s: how long a phase may take.
        last_words: answers what can be answered; called in the watching thread with the event that stalls, if one does.
    """

    def __init__(
        self, beats: Callable[[], int], beat_s: float, timeout_s: float, last_words: Callable[[Runner | None], None]
    ) -> None:
        self._beats = beats
        self._look_s = min(_LONGEST_LOOK_S, timeout_s / _LOOKS_PER_TIMEOUT)
        self._stalled_s = min(beat_s + _STALLED_S, timeout_s * 0.75)
        self._timeout_s = timeout_s
        self._deadline_s = timeout_s + min(_LONGEST_LAST_GRACE_S, timeout_s)
        self._last_words = last_words
        self._watched = monkey.get_original("_thread", "get_ident")()
        self._interrupted_beat = -1
        self._stopped = False

    def start(self) -> None:
        """Watch from now on."""
        signal.signal(_SIGNAL, self._interrupt)
        _start_thread(self._watch, ())

    def stop(self) -> None:
        """Watch no more."""
        self._stopped = True

    def _watch(self) -> None:
        beat, still_s, told = self._beats(), 0.0, False
        while not self._stopped:
            # Counted, not measured: a machine that slept, or a process that was stopped, has not stalled.
            _sleep(self._look_s)
            if self._beats() != beat:
                if told:
                    log.warning("the plugin server goes on, after %.1f s", still_s)
                beat, still_s, told = self._beats(), 0.0, False
                continue
            still_s += self._look_s
            if still_s >= self._deadline_s:
                self._end(still_s)
            if still_s >= self._timeout_s:
                self._interrupted_beat = beat
                signal.pthread_kill(self._watched, _SIGNAL)
            if still_s >= self._stalled_s and not told:
                told = True
                runner, stack = self._place()
                # In a thread of its own: it may wait for a lock that the stalled thread holds.
                _start_thread(log.error, ("%s holds up all others for %.1f s: %s", _named(runner), still_s, stack))

    def _interrupt(self, _number: int, frame: FrameType | None) -> None:
        """Raise in the plugin's code, and nowhere else. Runs in the watched thread."""
        if self._beats() != self._interrupted_beat or frame is None:
            return
        if frame.f_code.co_filename.startswith(_UNTOUCHABLE):
            return
        if isinstance(getcurrent(), (Runner, Constructing)):
            raise HeldUp(f"it held up all others for {self._timeout_s:g} s")

    def _end(self, still_s: float) -> None:
        runner, stack = self._place()
        text = "%s holds up all others for %.1f s and can't be interrupted; the process ends, to be started again: %s"
        try:
            self._last_words(runner)
            _start_thread(log.critical, (text, _named(runner), still_s, stack))
            _sleep(_LOG_S)
        finally:
            os._exit(STALLED_EXIT)

    def _place(self) -> tuple[Runner | None, str]:
        """Return where the watched thread is: the event, if it is in one, and the innermost frames."""
        frames: list[str] = []
        for frame, line in traceback.walk_stack(sys._current_frames().get(self._watched)):
            if frame.f_code is Runner.run.__code__:
                return frame.f_locals["self"], " < ".join(frames)
            if len(frames) < _SHOWN_FRAMES:
                frames.append(f"{frame.f_code.co_filename}:{line} {frame.f_code.co_name}")
        return None, " < ".join(frames)


def _named(runner: Runner | None) -> str:
    phase = runner.phase if runner else None
    return f"plugin '{phase.plugin}' in phase {phase.name}" if phase else "code outside of any phase"
