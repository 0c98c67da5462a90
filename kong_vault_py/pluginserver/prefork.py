"""Several worker processes behind one socket: the parent starts them, replaces dead ones, and ends them together.

The parent never loads a plugin, gevent or a vault, and has no threads: it can fork at any time. To each worker it has a
control socket. On it a worker says that it is ready and, at the end, that it has no events left; and it gets its links
to other workers (see ``peers``). The control socket's end-of-file is the order to leave, even if the parent was killed.
"""

from __future__ import annotations

import _socket
import contextlib
import logging
import os
import selectors
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from kong_vault_py.errors import ConfigError

__all__ = ["DRAINED", "READY", "Supervisor", "Worker", "watched_parent"]

log = logging.getLogger(__name__)

READY, DRAINED = b"r", b"d"

_INIT_PID = 1
_DRAIN_S = 6.0
#: Longer than an agent within a worker takes to end.
_LEAVE_S = 8.0
_LOOK_S = 0.5
#: A worker that dies at once is not started again at once.
_RESTART_S = 1.0


@dataclass
class Worker:
    """What a worker process is given.

    Attributes:
        index: its number, from 0.
        count: how many workers there are.
        server_pid: the parent's process id, which Kong knows the server by.
        listener: Kong's socket, shared by all workers.
        control: to the parent.
        links: to the workers that were there before, by number.
    """

    index: int
    count: int
    server_pid: int
    listener: _socket.socket
    control: socket.socket
    links: dict[int, socket.socket] = field(default_factory=dict)


@dataclass
class _Child:
    pid: int
    control: socket.socket
    ready: bool = False
    drained: bool = False


def watched_parent(wanted: bool) -> int | None:
    """Return the process that this one is to leave with, ``None`` if there is no such one."""
    parent = os.getppid()
    return parent if wanted and parent > _INIT_PID else None


class Supervisor:
    """The parent process of the workers.

    Args:
        listener: Kong's socket.
        count: how many workers to keep.
        parent_pid: stop when this is no longer the parent's own parent; ``None`` to ignore it.
        ready: called once, when all workers serve for the first time.
    """

    def __init__(self, listener: _socket.socket, count: int, parent_pid: int | None, ready: Callable[[], None]) -> None:
        self._ready: Callable[[], None] | None = ready
        self._listener = listener
        self._count = count
        self._parent_pid = parent_pid
        self._children: dict[int, _Child] = {}
        self._due: dict[int, float] = dict.fromkeys(range(count), 0.0)
        self._selector = selectors.DefaultSelector()
        self._stopping = False

    def run(self) -> Worker | None:
        """Keep the workers running until SIGTERM or SIGINT. Returns in each worker too, with what it is to work with.

        Raises:
            ConfigError: a worker could not start at all.
        """
        woken, wakes = socket.socketpair()
        woken.setblocking(False)
        wakes.setblocking(False)
        self._selector.register(woken, selectors.EVENT_READ)
        handlers = {number: signal.signal(number, self._stop) for number in (signal.SIGTERM, signal.SIGINT)}
        handlers[signal.SIGUSR1] = signal.signal(signal.SIGUSR1, self._pass_on)
        signal.set_wakeup_fd(wakes.fileno())
        try:
            while not self._stopping:
                worker = self._start_due()
                if worker is not None:
                    return worker
                self._look(_LOOK_S)
                if self._parent_pid is not None and os.getppid() != self._parent_pid:
                    log.info("the process that started this server (%d) is gone", self._parent_pid)
                    self._stopping = True
            log.info("stopping")
            return None
        finally:
            signal.set_wakeup_fd(-1)
            for number, handler in handlers.items():
                signal.signal(number, handler)
            self._selector.unregister(woken)
            woken.close()
            wakes.close()

    def end(self) -> None:
        """Let all workers finish, each others' events too, and wait for them."""
        self._listener.close()
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, signal.SIGTERM)
        last = time.monotonic() + _DRAIN_S
        while any(not child.drained for child in self._children.values()) and time.monotonic() < last:
            self._look(_LOOK_S)
        for child in self._children.values():
            child.control.shutdown(socket.SHUT_WR)
        last = time.monotonic() + _LEAVE_S
        while self._children and time.monotonic() < last:
            self._look(_LOOK_S)
        for child in self._children.values():
            os.kill(child.pid, signal.SIGKILL)
            os.waitpid(child.pid, 0)

    def _pass_on(self, number: int, _frame: object) -> None:
        for child in self._children.values():
            with contextlib.suppress(ProcessLookupError):
                os.kill(child.pid, number)

    def _stop(self, _number: int, _frame: object) -> None:
        self._stopping = True

    def _start_due(self) -> Worker | None:
        now = time.monotonic()
        for index in [index for index, due in self._due.items() if due <= now]:
            worker = self._start(index)
            if worker is not None:
                return worker
            self._due[index] = float("inf")
        return None

    def _start(self, index: int) -> Worker | None:
        """Fork a worker; return what it gets, in the worker."""
        control, workers_control = socket.socketpair()
        links = {}
        for other, child in self._children.items():
            links[other], theirs = socket.socketpair()
            with theirs, contextlib.suppress(OSError):  # a worker that is about to be found dead
                socket.send_fds(child.control, [bytes([index])], [theirs.fileno()])
        server_pid = os.getpid()
        pid = os.fork()
        if pid == 0:
            control.close()
            for child in self._children.values():
                child.control.close()
            self._children.clear()
            return Worker(index, self._count, server_pid, self._listener, workers_control, links)
        for end in (workers_control, *links.values()):
            end.close()
        control.setblocking(False)
        self._children[index] = _Child(pid, control)
        self._selector.register(control, selectors.EVENT_READ, index)
        return None

    def _look(self, timeout_s: float) -> None:
        """Hear what workers say, for so long at most."""
        for key, _events in self._selector.select(timeout_s):
            if key.data is None:
                with contextlib.suppress(BlockingIOError):
                    key.fileobj.recv(64)  # type: ignore[union-attr]
            elif key.data in self._children:
                self._hear(key.data)

    def _hear(self, index: int) -> None:
        child = self._children[index]
        try:
            said = child.control.recv(64)
        except BlockingIOError:
            return
        except OSError:
            said = b""
        if not said:
            self._bury(index)
            return
        if READY in said:
            child.ready = True
            if len(self._children) == self._count and all(other.ready for other in self._children.values()):
                ready, self._ready = self._ready, None
                if ready is not None:
                    ready()
                log.info("serving with %d workers", self._count)
        if DRAINED in said:
            child.drained = True

    def _bury(self, index: int) -> None:
        child = self._children.pop(index)
        self._selector.unregister(child.control)
        child.control.close()
        with contextlib.suppress(ProcessLookupError):
            os.kill(child.pid, signal.SIGKILL)  # it may have closed the socket and live on
        _pid, status = os.waitpid(child.pid, 0)
        if self._stopping:
            return
        code = os.waitstatus_to_exitcode(status)
        if not child.ready and not any(other.ready for other in self._children.values()):
            self._stopping = True
            raise ConfigError(f"worker {index} could not start (exit code {code})")
        log.error("worker %d ended (exit code %d) and is started again", index, code)
        self._due[index] = time.monotonic() + _RESTART_S
