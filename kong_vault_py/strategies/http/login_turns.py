"""Logins one at a time, with the outcome shared."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from kong_vault_py.errors import VaultError
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["LoginTurns"]


class LoginTurns:
    """Lets one login happen at a time; who waited for one that failed shares its failure.

    Else a crowd would repeat a wrong login one by one, and vaults lock a role out for that.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._attempts = 0
        self._failure: VaultError | None = None

    @contextmanager
    def turn(self, deadline: Deadline, waiting: str) -> Iterator[None]:
        """Wait for one's turn, and look then whether someone else has logged in meanwhile.

        Args:
            deadline: bounds the wait.
            waiting: what is waited for, for the error text.

        Raises:
            VaultError: the login that was waited for failed.
            StrategyTimeoutError: it lasted longer than the deadline.
        """
        attempts = self._attempts
        if not self._lock.acquire(timeout=deadline.remaining_s(waiting)):
            raise deadline.over(waiting)
        try:
            if self._attempts != attempts and self._failure is not None:
                raise type(self._failure)(*self._failure.args)
            yield
        finally:
            self._lock.release()

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Log in within this, in one's turn: a failure is kept for those who wait."""
        self._failure = None
        try:
            yield
        except VaultError as error:
            self._failure = error
            raise
        finally:
            self._attempts += 1
