"""The life of the access token: logged in once for everyone, replaced in time."""

from __future__ import annotations

import time
from collections.abc import Callable

from kong_vault_py.strategies.conjur.token import AccessToken
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.login_turns import LoginTurns

__all__ = ["Tokens"]

_LOGGING_IN = "waiting for a login to Conjur"


class Tokens:
    """Hands out the current token; whoever finds it stale logs in, the others wait for the outcome.

    Args:
        log_in: gets a new token.
        clock: returns seconds; never goes back.
    """

    def __init__(self, log_in: Callable[[Deadline], AccessToken], clock: Callable[[], float] = time.monotonic) -> None:
        self._log_in = log_in
        self._clock = clock
        self._turns = LoginTurns()
        self._token: AccessToken | None = None

    def current(self, deadline: Deadline) -> AccessToken:
        """Return a token that is good now, as far as its life is known.

        Raises:
            VaultError: logging in failed.
        """
        token = self._token
        if token is not None and self._clock() < token.replace_at_s:
            return token
        return self.replace(token, deadline)

    def replace(self, stale: AccessToken | None, deadline: Deadline) -> AccessToken:
        """Return a token other than this one, by a login unless someone else has done so meanwhile.

        Raises:
            VaultError: logging in failed.
        """
        with self._turns.turn(deadline, _LOGGING_IN):
            token = self._token
            if token is None or token is stale:
                with self._turns.attempt():
                    token = self._token = self._log_in(deadline)
            return token

    def close(self) -> None:
        """Forget the token."""
        self._token = None
