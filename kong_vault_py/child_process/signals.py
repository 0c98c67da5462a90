"""Signals as events of one loop, with the knowledge who sent them."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Callable
from types import TracebackType
from typing import NoReturn, TypeVar

__all__ = ["Signals", "from_terminal"]

R = TypeVar("R")

ENDING = frozenset((signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2))
_PASSED_ON = ENDING | {signal.SIGWINCH, signal.SIGTSTP, signal.SIGCONT}
#: Linux's si_code of a signal that the kernel sent by itself.
_SI_KERNEL = 0x80
_TO_THE_GROUP = frozenset((signal.SIGINT, signal.SIGQUIT, signal.SIGTSTP, signal.SIGWINCH))


class Signals:
    """Holds signals back for this process and its later threads, to be taken one by one with :meth:`next`.

    Enter it in the main thread, before any other thread is started.
    """

    def __init__(self) -> None:
        self._all = _PASSED_ON | {signal.SIGCHLD}
        #: The mask as it was: a child's.
        self.before: set[int] = set()
        self._main = 0

    def __enter__(self) -> Signals:
        # Somebody may have started us with SIGCHLD ignored: children would then vanish without a status.
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        self._main = threading.get_ident()
        self.before = set(signal.pthread_sigmask(signal.SIG_BLOCK, self._all))
        return self

    def __exit__(
        self, _type: type[BaseException] | None, _error: BaseException | None, _: TracebackType | None
    ) -> None:
        signal.pthread_sigmask(signal.SIG_SETMASK, self.before)

    def next(self, timeout_s: float) -> signal.struct_siginfo | None:
        """Wait for a signal to pass on; ``None`` when something else is to be looked at, or time is up."""
        info = signal.sigtimedwait(self._all, timeout_s)
        return None if info is None or info.si_signo == signal.SIGCHLD else info

    def wake(self) -> None:
        """Make :meth:`next` return, from any thread."""
        with contextlib.suppress(OSError):
            signal.pthread_kill(self._main, signal.SIGCHLD)

    def until_done(self, work: Callable[[], R]) -> R:
        """Run ``work`` in a thread; a signal that ends processes ends us meanwhile.

        Raises:
            Exception: what ``work`` raised.
        """
        results: list[R] = []
        errors: list[BaseException] = []

        def run() -> None:
            try:
                results.append(work())
            except BaseException as error:  # raised again below
                errors.append(error)
            finally:
                self.wake()

        thread = threading.Thread(target=run, daemon=True, name="kong-vault-work")
        thread.start()
        while not results and not errors:
            info = self.next(0.2)
            if info is not None and info.si_signo in ENDING:
                self._die(info.si_signo)
            if info is not None and info.si_signo == signal.SIGTSTP:
                os.kill(os.getpid(), signal.SIGSTOP)
        if errors:
            raise errors[0]
        return results[0]

    def _die(self, number: int) -> NoReturn:
        """End as the signal would have ended us."""
        signal.signal(number, signal.SIG_DFL)
        os.kill(os.getpid(), number)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {number})
        os._exit(128 + number)  # the first process of a container survives its own signals


def from_terminal(info: signal.struct_siginfo) -> bool:
    """Say whether a terminal sent it, to all processes in the foreground: a child of our group has it already."""
    return info.si_code == _SI_KERNEL and info.si_signo in _TO_THE_GROUP
