"""Holds an SDK to a deadline that it does not know.

SDKs bound single waits for a socket, but neither name look-ups, credential processes nor the sum of it all.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, TimeoutError
from typing import TypeVar

from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["within"]

T = TypeVar("T")


def within(deadline: Deadline, doing: str, action: Callable[[], T], *, thread_name: str = "kong-vault-sdk") -> T:
    """Return what ``action`` does, or raise what it raises; where time runs out it is left to end by itself.

    Args:
        deadline: how long to wait.
        doing: what it is for, for the error text.
        action: runs in a thread (or greenlet) of its own.
        thread_name: that thread's name.

    Raises:
        StrategyTimeoutError: it took too long.
    """
    outcome: Future[T] = Future()

    def run() -> None:
        try:
            outcome.set_result(action())
        except BaseException as error:
            outcome.set_exception(error)

    threading.Thread(target=run, name=thread_name, daemon=True).start()
    try:
        return outcome.result(deadline.remaining_s(doing))
    except TimeoutError:
        if outcome.done():
            raise
        raise deadline.over(doing) from None
