"""A worker's end of the control socket to its parent; see ``prefork``."""

from __future__ import annotations

import _socket
import array
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gevent.event import Event

from kong_vault_py.pluginserver.connection import READ
from kong_vault_py.pluginserver.prefork import DRAINED, READY

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.prefork import Worker

__all__ = ["Control"]

_MAX_LINKS = 64
_kept: list[_socket.socket] = []


class Control:
    """Hears what the parent says.

    Args:
        worker: what this process was given.
        loop: gevent's event loop.
        stop: set when the parent is gone.
        add_link: takes a worker's number and the descriptor of a link to it.
    """

    def __init__(self, worker: Worker, loop: Any, stop: Event, add_link: Callable[[int, int], None]) -> None:
        self._socket = _socket.socket(fileno=worker.control.detach())
        self._socket.setblocking(False)
        self._stop = stop
        self._add_link = add_link
        self._released = Event()
        self._watcher = loop.io(self._socket.fileno(), READ)
        self._watcher.start(self._on_readable)

    def say_ready(self) -> None:
        """Tell the parent that this worker serves."""
        self._say(READY)

    def wait_for_others(self, timeout_s: float) -> None:
        """Tell the parent that no event is left here, and wait until none is in any worker."""
        self._say(DRAINED)
        self._released.wait(timeout_s)
        self._watcher.stop()
        self._watcher.close()
        # Its end tells the parent that this process may be buried: that is for the process's own end to say.
        _kept.append(self._socket)

    def _say(self, what: bytes) -> None:
        try:
            self._socket.send(what)
        except OSError:
            self._gone()

    def _on_readable(self) -> None:
        descriptors = array.array("i")
        try:
            said, ancillary, _flags, _address = self._socket.recvmsg(
                _MAX_LINKS, _socket.CMSG_SPACE(_MAX_LINKS * descriptors.itemsize)
            )
        except BlockingIOError:
            return
        except OSError:
            said, ancillary = b"", []
        for _level, _type, data in ancillary:
            descriptors.frombytes(data[: len(data) - len(data) % descriptors.itemsize])
        for number, descriptor in zip(said, descriptors, strict=True):
            self._add_link(number, descriptor)
        if not said:
            self._gone()

    def _gone(self) -> None:
        self._watcher.stop()
        self._released.set()
        self._stop.set()
