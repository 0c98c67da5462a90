"""How Redis is, as one plugin instance sees it: heard in any thread, told in the log of the next request."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from kong_vault_py.errors import UnavailableError, VaultError
from kong_vault_py.plugin_kit.caching.outage import Outage

__all__ = ["Health", "Log"]

_MAX_NEWS = 10


class Log(Protocol):
    """What is needed of ``kong.log``."""

    def err(self, message: str) -> object:
        """Write at level error."""

    def notice(self, message: str) -> object:
        """Write at level notice."""


class Health:
    """Whether Redis can be asked, and what there is to say about it.

    Args:
        tolerant: requests are counted elsewhere while it is out; else they fail.
    """

    def __init__(self, *, tolerant: bool) -> None:
        self._tolerant = tolerant
        self._outage = Outage()
        # Its text alone: an error kept would keep all that its traceback can reach.
        self._failure: str | None = None
        self._news: deque[tuple[str, str]] = deque(maxlen=_MAX_NEWS)

    @property
    def is_good(self) -> bool:
        """Whether the last try went well."""
        return self._failure is None

    def forbids(self) -> bool:
        """Say whether to leave Redis alone; once per pause, one caller is let through to try it."""
        return self._outage.forbids()

    def heard(self, error: VaultError | None) -> None:
        """Note how a try went."""
        self._failure = None if error is None else str(error)
        if error is None:
            if self._outage.ended():
                self._news.append(("notice", "Redis answers again: it has the counters"))
        elif self._outage.began(str(error)):
            instead = "counting in this process alone" if self._tolerant else "requests are refused"
            self._news.append(("err", f"{error}; {instead} until it answers"))

    def tell(self, log: Log) -> None:
        """Write what is new, once."""
        while self._news:
            try:
                level, text = self._news.popleft()
            except IndexError:  # another request was faster
                return
            getattr(log, level)(text)

    def check(self) -> None:
        """Do nothing while requests can be counted.

        Raises:
            UnavailableError: Redis is out, and that is not tolerated.
        """
        failure = self._failure
        if failure is not None and not self._tolerant:
            raise UnavailableError(failure)
