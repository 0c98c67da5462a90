"""What a worker asks the others: a Step's event, or an instance, may be with another worker than Kong's connection.

A link is a connection on which both ends ask and answer in Kong's own protocol. A request that Kong made here and that
is another worker's to answer goes there as it is, and the reply comes back as it is. A worker gives its events ids that
tell it (``id % count``); instances are looked for at all.
"""

from __future__ import annotations

import _socket
import itertools
import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kong_vault_py.pluginserver.connection import Connection
from kong_vault_py.pluginserver.protocol import pack

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.prefork import Worker

__all__ = ["LOST", "Answered", "Link", "Peers"]

log = logging.getLogger(__name__)

#: Takes (error, result).
Answered = Callable[[Any, Any], None]

#: The error of a request whose worker died.
LOST = object()

_REPLY_BITS = 0x7FFFFFFF


class Link:
    """A connection to one other worker.

    Args:
        end: our end of it.
        loop: gevent's event loop.
        serve: handles what the other asks.
        forget: called when the other is gone.
    """

    def __init__(
        self,
        end: _socket.socket,
        loop: Any,
        *,
        serve: Callable[[Connection, Any], None],
        forget: Callable[[Link], None],
    ) -> None:
        self._serve = serve
        self._forget = forget
        self._waiting: dict[int, Answered] = {}
        self._msgids = itertools.count(1)
        self._connection = Connection(
            end, loop, take=lambda _connection, _data: False, dispatch=self._dispatch, forget=self._lost, greeting=b""
        )

    def ask(self, method: str, argument: Any, answered: Answered) -> None:
        """Send a request; ``answered`` is called with the reply, or with :data:`LOST`, once."""
        msgid = next(self._msgids) & _REPLY_BITS
        self._waiting[msgid] = answered
        if not self._connection.write(pack([0, msgid, method, [argument]])) and msgid in self._waiting:
            del self._waiting[msgid]
            answered(LOST, None)

    def close(self) -> None:
        """Close the link; who still waits hears :data:`LOST`."""
        self._connection.close()

    def _dispatch(self, connection: Connection, frame: Any) -> None:
        if frame[0] != 1:
            self._serve(connection, frame)
            return
        _kind, msgid, error, result = frame
        self._waiting.pop(msgid)(error, result)

    def _lost(self, _connection: Connection) -> None:
        self._forget(self)
        waiting, self._waiting = self._waiting, {}
        for answered in waiting.values():
            answered(LOST, None)


class Peers:
    """The other workers of this server.

    Args:
        worker: what this one was given.
        loop: gevent's event loop.
        serve: handles what the others ask.
    """

    def __init__(self, worker: Worker, loop: Any, serve: Callable[[Connection, Any], None]) -> None:
        self._worker = worker
        self._loop = loop
        self._serve = serve
        self._links: dict[int, Link] = {}
        for number, end in worker.links.items():
            self.add(number, end.detach())

    def add(self, number: int, descriptor: int) -> None:
        """Take a link to a worker that was just started; a link to one before it is closed."""
        old = self._links.get(number)
        self._links[number] = Link(
            _socket.socket(fileno=descriptor), self._loop, serve=self._serve, forget=self._forget
        )
        if old is not None:
            old.close()

    def owner(self, event_id: int) -> Link | None:
        """Return the link to the worker whose event it is; ``None`` if that is gone, or this one."""
        return self._links.get(int(event_id) % self._worker.count)

    def ask_all(self, method: str, argument: Any, answered: Answered) -> None:
        """Ask all others; ``answered`` gets the first result that isn't ``None``, or ``(None, None)``, once."""
        links = list(self._links.values())
        left = [len(links)]

        def one_answered(error: Any, result: Any) -> None:
            left[0] -= 1
            if left[0] >= 0 and error is None and result is not None:
                left[0] = -1
                answered(None, result)
            elif left[0] == 0:
                answered(None, None)

        for link in links:
            link.ask(method, argument, one_answered)
        if not links:
            answered(None, None)

    def gather(self, method: str, argument: Any, answered: Callable[[Any], None]) -> int:
        """Ask all others; ``answered`` gets each result. Returns how many were asked."""
        links = list(self._links.values())
        for link in links:
            link.ask(method, argument, lambda _error, result: answered(result))
        return len(links)

    def close(self) -> None:
        """Close all links."""
        for link in list(self._links.values()):
            link.close()

    def _forget(self, link: Link) -> None:
        for number in [number for number, known in self._links.items() if known is link]:
            del self._links[number]
