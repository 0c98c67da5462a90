"""``async def`` phases: one asyncio loop per process, turning in a greenlet beside the events."""

from __future__ import annotations

import asyncio
import contextvars
import logging
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any

import gevent
from gevent.selectors import GeventSelector

from kong_vault_py.pluginserver.handover import Errand, ErrandNode, errand_tree
from kong_vault_py.pluginserver.runner import EventOver

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.pdk import Node

__all__ = ["Coroutines"]

log = logging.getLogger(__name__)

_errand: contextvars.ContextVar[Errand] = contextvars.ContextVar("errand")


class _Selector(GeventSelector):
    """Lets other greenlets turn while asyncio waits, and hides the loop from them: ``asyncio.run`` works there."""

    loop: asyncio.AbstractEventLoop | None = None

    def select(self, timeout: float | None = None) -> Any:
        asyncio._set_running_loop(None)
        try:
            return super().select(timeout)
        finally:
            asyncio._set_running_loop(self.loop)


class Coroutines:
    """Runs coroutine phases; makes its loop for the first of them."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    def kong(self, tree: Node) -> ErrandNode:
        """Return ``kong`` for coroutines: each call is to be awaited."""
        return errand_tree(tree, self._ask)

    def run(self, phase: Callable[[], Coroutine[Any, Any, object]]) -> None:
        """Run a phase; called in the event's greenlet, and returns or raises when the phase is over."""
        loop = self._loop or self._start()
        errand = Errand(lambda put, message: put(message))
        tasks: list[asyncio.Task[None]] = []
        loop.call_soon_threadsafe(lambda: tasks.append(_begin(loop, errand, phase)))
        try:
            errand.serve()
        except BaseException:
            loop.call_soon_threadsafe(lambda: [task.cancel() for task in tasks])
            raise

    def _ask(self, node: Node, arguments: tuple[Any, ...]) -> asyncio.Future[Any]:
        errand = _errand.get(None)
        loop = self._loop
        if errand is None or loop is None or asyncio._get_running_loop() is not loop:
            raise RuntimeError(f"{node!r}: call it within a phase, in the phase's own event loop")
        future = loop.create_future()

        def answer(value: Any, error: BaseException | None) -> None:
            loop.call_soon_threadsafe(_resolve, future, value, error)

        errand.ask(node, arguments, answer)
        return future

    def _start(self) -> asyncio.AbstractEventLoop:
        selector = _Selector()
        self._loop = selector.loop = loop = asyncio.SelectorEventLoop(selector)
        gevent.spawn(_turn, loop)
        return loop


def _turn(loop: asyncio.AbstractEventLoop) -> None:
    while True:
        try:
            loop.run_forever()
        except gevent.GreenletExit:
            return
        except BaseException as error:  # SystemExit in a task that a plugin left behind: asyncio lets it out
            log.error("a coroutine raised %s", type(error).__name__, exc_info=error)


def _begin(
    loop: asyncio.AbstractEventLoop, errand: Errand, phase: Callable[[], Coroutine[Any, Any, object]]
) -> asyncio.Task[None]:
    context = contextvars.Context()
    context.run(_errand.set, errand)
    return context.run(loop.create_task, _run(errand, phase))


async def _run(errand: Errand, phase: Callable[[], Coroutine[Any, Any, object]]) -> None:
    if errand.over:
        return
    try:
        await phase()
    except BaseException as error:  # SystemExit too: it is the event's
        errand.finish(error)
    else:
        errand.finish(None)


def _resolve(future: asyncio.Future[Any], value: Any, error: BaseException | None) -> None:
    if future.done():  # the phase no longer waits
        return
    if isinstance(error, EventOver):
        future.cancel()
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(value)
