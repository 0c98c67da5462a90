"""Holds the SDK to a deadline that it does not know."""

from __future__ import annotations

import concurrent.futures
import threading
from collections.abc import Callable
from typing import TypeVar

from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["THREAD_NAME", "run_within"]

THREAD_NAME = "kong-vault-aws"

T = TypeVar("T")


def run_within(deadline: Deadline, doing: str, work: Callable[[], T]) -> T:
    """Return what ``work`` returns, or raise what it raises.

    The SDK bounds single waits for a socket, and neither name look-ups, a credential process, nor their sum: so each
    call runs in a thread of its own (a greenlet where gevent has patched). When time is over the thread is left alone,
    and ends by the SDK's own time-outs.

    Args:
        deadline: when to stop waiting.
        doing: what it is for, for the error text ("reading 'redis'").
        work: runs on, unheard, when the deadline passes.

    Raises:
        StrategyTimeoutError: time is over.
    """
    left_s = deadline.remaining_s(doing)
    outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
    threading.Thread(target=_settle, args=(outcome, work), name=THREAD_NAME, daemon=True).start()
    try:
        error = outcome.exception(left_s)
    except concurrent.futures.TimeoutError:
        raise deadline.over(doing) from None
    if error is not None:
        raise error
    return outcome.result()


def _settle(outcome: concurrent.futures.Future[T], work: Callable[[], T]) -> None:
    try:
        outcome.set_result(work())
    except BaseException as error:  # the caller's, whatever it is
        outcome.set_exception(error)
