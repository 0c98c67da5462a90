"""What a login method is.

Adding one: a file ``auth_<method>.py``, its options in ``login_options.py`` or ``cloud_options.py``, what it requires
in ``config.py``, a row in ``METHODS`` of ``login_methods.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, Protocol

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.answers import RefusedError, login_refused
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["Login", "LoginMethod", "logged_in", "login_from"]


class Login(NamedTuple):
    """A token, and how long it lives.

    Attributes:
        token: the client token.
        ttl_s: seconds from the request on; 0 where it never expires, or where that can't be known.
        renewable: Vault may prolong it.
    """

    token: Secret
    ttl_s: float
    renewable: bool


class LoginMethod(Protocol):
    """How to get a token."""

    #: A second login gives a new token: it can replace one that expired.
    repeatable: bool

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Get a token.

        Raises:
            AuthenticationError: Vault does not accept the credentials, or they can't be read.
            VaultError: as for any request.
        """


def logged_in(ask: Callable[[], Mapping[str, Any]], doing: str, mount: str, remedy: str) -> Login:
    """Return the login that a call of hvac's gets.

    Args:
        ask: calls Vault's login endpoint.
        doing: what it is for, for error texts.
        mount: where the auth method is mounted.
        remedy: what to check where Vault refuses.

    Raises:
        AuthenticationError: Vault refuses.
        VaultError: as for any request.
    """
    try:
        answer = ask()
    except RefusedError as refused:
        raise login_refused(refused, f"{doing} at '{mount}'", remedy) from None
    return login_from(answer, doing)


def login_from(answer: Mapping[str, Any], doing: str) -> Login:
    """Return the login in the ``auth`` part of Vault's answer.

    Raises:
        InvalidResponseError: there is no usable one.
    """
    auth = answer.get("auth")
    if isinstance(auth, dict):
        token, ttl_s = auth.get("client_token"), auth.get("lease_duration")
        if isinstance(token, str) and token and isinstance(ttl_s, (int, float)) and ttl_s >= 0:
            return Login(Secret(token), ttl_s, auth.get("renewable") is True)
    raise InvalidResponseError(f"{doing}: Vault's answer holds no token")
