"""The token of the moment: kept in the process, asked for once however many requests need it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable, Hashable
from typing import Protocol, TypeVar

from kong_vault_py.errors import UnavailableError, VaultError
from kong_vault_py.flight import Flights
from kong_vault_py.plugin_kit.caching.outage import Outage
from kong_vault_py.plugin_kit.upstream_oauth.token import Token
from kong_vault_py.secret import Secret

__all__ = ["TokenSource"]

# For so long a token is used without a look whether another gateway has taken it out of the store.
_LOOK_AGAIN_S = 5.0
# An upstream that refuses every token must not make us ask the IdP once per request.
_PURGE_PAUSE_S = 1.0

_BROKEN_OFF = UnavailableError("the request for a token broke off")

R = TypeVar("R")

_shared: weakref.WeakValueDictionary[Hashable, TokenSource] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


class Store(Protocol):
    """Where gateways share a token; see :class:`token_store.TokenStore`."""

    def load(self) -> Token | None:
        """Return the token, ``None`` for none."""

    def save(self, token: Token, kept_s: float) -> None:
        """Store the token."""

    def discard(self, value: Secret) -> None:
        """Delete the token if it is still this one."""


class TokenSource:
    """One token and its renewal. Called from several threads or greenlets at once.

    Args:
        store: shared with other gateways; ``None`` for the process alone.
        clock: Unix time; tests tick their own.
    """

    def __init__(self, store: Store | None = None, clock: Callable[[], float] = time.time) -> None:
        self._store = store
        self._clock = clock
        self._flights = Flights(clock)
        self._token: Token | None = None
        self._look_again_s = 0.0
        self._outcome: Token | VaultError = _BROKEN_OFF
        self._purged_s = float("-inf")
        self._failure: VaultError | None = None
        self._idp = Outage(clock)
        self._storage = Outage(clock)
        self._news: list[tuple[str, str]] = []

    @classmethod
    def shared(cls, key: Hashable, make: Callable[[], TokenSource]) -> TokenSource:
        """Return the process's source for a key; it lives as long as a plugin instance holds it."""
        with _shared_lock:
            found = _shared.get(key)
            if found is None:
                found = _shared[key] = make()
            return found

    def current(self, obtain: Callable[[], Token], eagerly_expire_s: float) -> Secret:
        """Return a token that is good for more than ``eagerly_expire_s`` seconds.

        Where no new one is to be had, one that is still good at all will do.

        Args:
            obtain: asks the IdP.
            eagerly_expire_s: seconds before its end at which a token is replaced.

        Raises:
            VaultError: there is no token; the same one for everyone who waited for it.
        """
        token = self._token
        if token is not None and self._is_fresh(token, eagerly_expire_s) and self._clock() < self._look_again_s:
            return token.value

        def work() -> None:
            try:
                self._outcome = self._renewed(obtain, eagerly_expire_s)
            except BaseException:
                self._outcome = _BROKEN_OFF
                raise

        self._flights.run("token", work)
        # Who waited may find the outcome of a later request: that one is as good.
        outcome = self._outcome
        if isinstance(outcome, Token):
            return outcome.value
        raise _copy(outcome)

    def purge(self, value: Secret) -> None:
        """Forget this token, here and in the store: the upstream refused it."""
        now_s = self._clock()
        if now_s - self._purged_s < _PURGE_PAUSE_S:
            return
        token = self._token
        if token is not None and token.value == value:
            self._token = None
            self._purged_s = now_s
        self._in_store(lambda store: store.discard(value), otherwise=None)

    def take_news(self) -> list[tuple[str, str]]:
        """Return what an operator should read, each once: pairs of log level and text."""
        if not self._news:
            return []
        news, self._news = self._news, []
        return news

    def _is_fresh(self, token: Token, eagerly_expire_s: float) -> bool:
        return self._clock() < token.valid_until_s - eagerly_expire_s

    def _renewed(self, obtain: Callable[[], Token], eagerly_expire_s: float) -> Token | VaultError:
        token = self._token
        own = token if token is not None and self._is_fresh(token, eagerly_expire_s) else None
        if own is not None and self._clock() < self._look_again_s:
            return own  # by the one who led before us
        # Where the store can be asked and has none, another gateway has taken ours out.
        found = self._in_store(lambda store: store.load(), otherwise=own)
        if found is not None and self._is_fresh(found, eagerly_expire_s):
            return self._adopt(found)
        return self._asked(obtain, eagerly_expire_s)

    def _asked(self, obtain: Callable[[], Token], eagerly_expire_s: float) -> Token | VaultError:
        failure = self._failure
        if failure is not None and self._idp.forbids():
            return self._instead(failure)
        try:
            token = obtain()
        except VaultError as error:
            self._failure = failure = _copy(error)
            if self._idp.began(str(error)):
                self._news.append(("err", f"no new token for the upstream: {error}"))
            return self._instead(failure)
        self._failure = None
        if self._idp.ended():
            self._news.append(("notice", "the identity provider gives tokens again"))
        kept_s = token.valid_until_s - eagerly_expire_s - self._clock()
        if kept_s > 0:
            self._in_store(lambda store: store.save(token, kept_s), otherwise=None)
        return self._adopt(token)

    def _instead(self, failure: VaultError) -> Token | VaultError:
        own = self._token
        return own if own is not None and self._clock() < own.valid_until_s else failure

    def _adopt(self, token: Token) -> Token:
        self._token = token
        self._look_again_s = self._clock() + _LOOK_AGAIN_S if self._store is not None else float("inf")
        return token

    def _in_store(self, call: Callable[[Store], R], otherwise: R) -> R:
        """Call the store; one that is out costs a try per second, and no request its token."""
        if self._store is None or self._storage.forbids():
            return otherwise
        try:
            result = call(self._store)
        except VaultError as error:
            if self._storage.began(str(error)):
                self._news.append(("err", f"{error}; tokens are not shared until it answers"))
            return otherwise
        if self._storage.ended():
            self._news.append(("notice", "the storage answers again: tokens are shared"))
        return result


def _copy(error: VaultError) -> VaultError:
    """Return the error without where it came from: one that is kept keeps the frames, and the secrets in them."""
    return type(error)(*error.args)
