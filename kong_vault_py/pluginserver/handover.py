"""Phases that run elsewhere than in their greenlet: in a thread of a pool, or as a coroutine.

The greenlet stays the event's own: it waits for what the phase asks of Kong, asks it, and hands the answer back. So
deadlines, failures and exits are the same everywhere.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from gevent.queue import SimpleQueue

from kong_vault_py.pluginserver.runner import EventOver

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.pdk import Node

__all__ = ["Errand", "ErrandNode"]

#: Takes (value, error); the error is raised in the phase.
Answer = Callable[[Any, BaseException | None], None]


class Errand:
    """One phase that runs elsewhere, seen from both sides.

    Args:
        post: puts a message into an inbox, from wherever the phase runs.
    """

    def __init__(self, post: Callable[..., object]) -> None:
        self._post = post
        self._inbox: SimpleQueue[tuple[Node | None, tuple[Any, ...], Answer]] = SimpleQueue()
        self.over = False

    def ask(self, node: Node, arguments: tuple[Any, ...], answer: Answer) -> None:
        """Have a PDK call made; called where the phase runs."""
        if self.over:
            answer(None, EventOver())
        else:
            self._post(self._inbox.put, (node, arguments, answer))

    def finish(self, error: BaseException | None) -> None:
        """Say that the phase has ended, and how; called where it ran."""
        self._post(self._inbox.put, (None, (error,), _nobody))

    def serve(self) -> None:
        """Make the phase's PDK calls until it ends; called in the event's greenlet.

        Raises:
            BaseException: what the phase raised, or what ends the event.
        """
        answer: Answer = _nobody
        try:
            while True:
                node, arguments, answer = self._inbox.get()
                if node is None:
                    if arguments[0] is not None:
                        raise arguments[0]
                    return
                try:
                    value = node(*arguments)
                except Exception as error:  # of Kong's, or of the arguments: the phase's to handle
                    answer(None, error)
                else:
                    answer(value, None)
                answer = _nobody
        finally:
            self.over = True
            answer(None, EventOver())


class ErrandNode:
    """``kong``, or a name below it, for a phase that runs elsewhere.

    Args:
        node: the name in the PDK's tree.
        ask: makes the call.
    """

    __slots__ = ("_ask", "_known", "_node")

    def __init__(self, node: Node, ask: Callable[[Node, tuple[Any, ...]], Any]) -> None:
        self._node = node
        self._ask = ask
        self._known: dict[str, ErrandNode] = {}

    def __getattr__(self, name: str) -> ErrandNode:
        found = self._known.get(name)
        if found is None:
            found = self._known[name] = type(self)(getattr(self._node, name), self._ask)
        return found

    def __call__(self, *arguments: Any) -> Any:
        """Ask Kong."""
        return self._ask(self._node, arguments)

    def __repr__(self) -> str:
        return repr(self._node)


class PlainErrandNode(ErrandNode):
    """One whose calls return plain data, as ``kong_vault_py.plugin.pdk`` wants to know."""

    __slots__ = ()
    __kong_vault_py__ = True


def errand_tree(tree: Node, ask: Callable[[Node, tuple[Any, ...]], Any]) -> ErrandNode:
    """Return ``kong`` for phases that run elsewhere, in the style of ``tree``."""
    return (PlainErrandNode if type(tree).__kong_vault_py__ else ErrandNode)(tree, ask)


def _nobody(_value: Any, _error: BaseException | None) -> None:
    """Take an answer that nobody waits for."""
