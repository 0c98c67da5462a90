"""What a login method is.

Adding one: a file ``auth_<method>.py``, its options in ``config.py``, a row in ``_METHODS`` of ``strategy.py``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.deadline import Deadline
from kong_vault_py.strategies.hcv.transport import Transport

__all__ = ["Login", "LoginMethod", "login_from"]


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
