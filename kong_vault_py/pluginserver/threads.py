"""``threads = N`` in a plugin: its phases run in real threads, so that what blocks in C holds up nobody else."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import gevent
from gevent import monkey
from gevent.threadpool import ThreadPool

from kong_vault_py.pluginserver.handover import Errand, ErrandNode, errand_tree

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.pdk import Node

__all__ = ["PluginThreads"]

_new_lock = monkey.get_original("_thread", "allocate_lock")
#: gevent's, so that a thread which the phase starts, or a greenlet, has no errand of its own.
_here = threading.local()


class PluginThreads:
    """The threads of one plugin.

    Args:
        count: how many; a phase more waits for one to be free.
    """

    def __init__(self, count: int) -> None:
        self._pool = ThreadPool(count)
        self._loop = gevent.get_hub().loop

    def kong(self, tree: Node) -> ErrandNode:
        """Return ``kong`` for phases in these threads."""
        return errand_tree(tree, _ask)

    def run(self, phase: Callable[[], object]) -> None:
        """Run a phase in a thread; called in the event's greenlet, and returns or raises when the phase is over."""
        errand = Errand(self._loop.run_callback_threadsafe)
        self._pool.spawn(_run, errand, phase)
        errand.serve()


def _run(errand: Errand, phase: Callable[[], object]) -> None:
    if errand.over:  # it waited for this thread for too long
        return
    _here.errand = errand
    try:
        phase()
    except BaseException as error:  # SystemExit too: it is the event's
        errand.finish(error)
    else:
        errand.finish(None)
    finally:
        del _here.errand


def _ask(node: Node, arguments: tuple[Any, ...]) -> Any:
    """Ask Kong from the thread, and wait for the answer."""
    errand: Errand | None = getattr(_here, "errand", None)
    if errand is None:
        raise RuntimeError(f"{node!r}: call it within a phase, in the phase's own thread")
    came = _new_lock()
    came.acquire()
    answers: list[tuple[Any, BaseException | None]] = []

    def answer(value: Any, error: BaseException | None) -> None:
        answers.append((value, error))
        came.release()

    errand.ask(node, arguments, answer)
    came.acquire()
    value, error = answers[0]
    if error is not None:
        raise error
    return value
