"""What the SDK is busy with: it hands neither a deadline nor a purpose down to its logins and its transport."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import NamedTuple

from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["Errand", "current_errand", "errand"]


class Errand(NamedTuple):
    """One fetch, or its login.

    Attributes:
        deadline: bounds everything that is done for it.
        doing: what it is, for error texts ("reading 'redis'").
    """

    deadline: Deadline
    doing: str


# A context variable: threads and greenlets have one each.
_current: ContextVar[Errand] = ContextVar("kong_vault_py_azure_errand")


@contextmanager
def errand(deadline: Deadline, doing: str) -> Iterator[None]:
    """Make this the errand of all requests that this thread or greenlet sends inside."""
    before = _current.set(Errand(deadline, doing))
    try:
        yield
    finally:
        _current.reset(before)


def current_errand() -> Errand:
    """Return the errand of this thread or greenlet."""
    return _current.get()
