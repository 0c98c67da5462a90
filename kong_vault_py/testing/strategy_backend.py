"""What the contract suite needs of a vault: a way to prepare it, and strategies for it in every condition."""

from __future__ import annotations

import abc
from collections.abc import Sequence
from typing import Any

from kong_vault_py.strategies.base import Strategy

__all__ = ["StrategyBackend"]


class StrategyBackend(abc.ABC):
    """Prepares a real vault for the contract suite, and makes strategies for it.

    Values are put as text; a vault that holds fields puts ``{"value": text}`` and says so in :meth:`expected`.
    """

    #: Credentials of the strategies made here, which must never show.
    credentials: Sequence[str] = ()
    #: Raw bytes that a broken server may send, each of which must become InvalidResponseError.
    malformed_answers: Sequence[bytes] = (b"garbage\r\n\r\n",)

    @abc.abstractmethod
    def strategy(self) -> Strategy[Any]:
        """Make a strategy that works."""

    @abc.abstractmethod
    def put(self, resource: str, value: str) -> None:
        """Write a secret, in place of what was there."""

    @abc.abstractmethod
    def remove(self, resource: str) -> None:
        """Delete a secret."""

    def expected(self, value: str) -> str:
        """Return what ``fetch`` hands on for a value that was put."""
        return value

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        """Write a secret twice; return the version numbers of the old and the new value."""
        raise NotImplementedError

    def strategy_denied(self, resource: str) -> Strategy[Any]:
        """Make a strategy whose credentials are good, but which may not read ``resource``."""
        raise NotImplementedError

    def strategy_with_wrong_credentials(self) -> Strategy[Any]:
        """Make a strategy whose credentials the vault refuses."""
        raise NotImplementedError

    def strategy_unreachable(self) -> Strategy[Any]:
        """Make a strategy for a vault that isn't there."""
        raise NotImplementedError

    def strategy_at(self, host: str, port: int) -> Strategy[Any]:
        """Make a strategy whose vault is at this address, without TLS."""
        raise NotImplementedError
