"""The life of the Vault token: logged in once for everyone, renewed in time, replaced when it is gone."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Callable

from kong_vault_py.errors import InvalidResponseError, StrategyError, VaultError
from kong_vault_py.strategies.hcv.answers import RefusedError, unexpected
from kong_vault_py.strategies.hcv.lease import Lease
from kong_vault_py.strategies.hcv.login import LoginMethod, login_from
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.login_turns import LoginTurns

__all__ = ["Tokens", "start_timer"]

_BACKGROUND_TIMEOUT_S = 10.0
_SHORTEST_DELAY_S = 1.0
_LOGGING_IN = "waiting for a login to Vault"
_RENEWING = "renewing the Vault token"

log = logging.getLogger(__name__)


def start_timer(delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
    """Run ``action`` once after a delay, in a daemon thread; returns how to cancel it."""
    timer = threading.Timer(min(delay_s, threading.TIMEOUT_MAX), action)
    timer.daemon = True
    timer.start()
    return timer.cancel


class Tokens:
    """Hands out the current token; whoever finds it stale logs in, the others wait for the outcome.

    Args:
        method: the login method.
        transport: the connections.
        clock: returns seconds; never goes back.
        start_timer: runs the renewal of a renewable token that nobody asks for meanwhile.
    """

    def __init__(
        self,
        method: LoginMethod,
        transport: Transport,
        clock: Callable[[], float] = time.monotonic,
        start_timer: Callable[[float, Callable[[], None]], Callable[[], None]] = start_timer,
    ) -> None:
        self._method = method
        self._transport = transport
        self._clock = clock
        self._start_timer = start_timer
        self._turns = LoginTurns()
        self._lease: Lease | None = None
        self._cancel_timer: Callable[[], None] = lambda: None
        self._closed = False

    @property
    def repeatable(self) -> bool:
        """Whether a new login can replace an expired token."""
        return self._method.repeatable

    def current(self, deadline: Deadline) -> Lease:
        """Return a token that is good now, as far as its life is known.

        Raises:
            VaultError: logging in failed.
        """
        lease = self._lease
        if lease is not None and self._clock() < lease.act_at_s:
            return lease
        return self._succeed(lease, self._next, deadline)

    def replace(self, stale: Lease, deadline: Deadline) -> Lease:
        """Return a token other than the one that Vault has just refused.

        Raises:
            VaultError: logging in failed.
        """
        return self._succeed(stale, lambda _, until: self._log_in(until), deadline)

    def close(self) -> None:
        """Forget the token, and renew none from now on."""
        self._closed = True
        self._lease = None
        self._cancel_timer()

    def _succeed(
        self, stale: Lease | None, successor: Callable[[Lease | None, Deadline], Lease], deadline: Deadline
    ) -> Lease:
        """Replace ``stale``, unless someone else has done so meanwhile."""
        with self._turns.turn(deadline, _LOGGING_IN):
            lease = self._lease
            if lease is None or lease is stale:
                lease = self._lease = successor(lease, deadline)
                self._schedule_renewal(lease)
            return lease

    def _next(self, lease: Lease | None, deadline: Deadline) -> Lease:
        now_s = self._clock()
        if lease is None or not lease.renewable or now_s >= lease.expires_at_s:
            return self._log_in(deadline)
        try:
            return self._renewed(lease, deadline)
        except RefusedError as refused:
            log.warning("%s: Vault refuses it (%s)", _RENEWING, refused.reason)
            return self._log_in(deadline) if self.repeatable else lease.final()
        except StrategyError as error:
            # The token is still good: let the fetch itself say what is wrong, and try again later.
            log.warning("%s, until it expires in %d s", error, lease.expires_at_s - now_s)
            return lease.postponed(now_s)

    def _log_in(self, deadline: Deadline) -> Lease:
        started_s = self._clock()
        with self._turns.attempt():
            login = self._method.login(self._transport, deadline)
        return Lease.of(login, started_s, repeatable=self.repeatable)

    def _renewed(self, lease: Lease, deadline: Deadline) -> Lease:
        adapter = self._transport.adapter(lease.token, deadline, _RENEWING)
        from hvac.api.auth_methods import Token

        started_s = self._clock()
        try:
            login = login_from(Token(adapter).renew_self(), _RENEWING)
        except RefusedError as refused:
            if refused.status in (400, 401, 403, 404):
                raise
            raise unexpected(refused, _RENEWING) from None
        if not login.ttl_s:
            raise InvalidResponseError(f"{_RENEWING}: Vault granted no time")
        return lease.renewed(login.ttl_s, started_s, repeatable=self.repeatable)

    def _schedule_renewal(self, lease: Lease) -> None:
        self._cancel_timer()
        if lease.renewable and not math.isinf(lease.act_at_s) and not self._closed:
            delay_s = max(lease.act_at_s - self._clock(), _SHORTEST_DELAY_S)
            self._cancel_timer = self._start_timer(delay_s, self._renew_in_background)

    def _renew_in_background(self) -> None:
        if self._closed:
            return
        try:
            self.current(Deadline(_BACKGROUND_TIMEOUT_S))
        except VaultError as error:
            log.warning("%s: %s", _RENEWING, error)
