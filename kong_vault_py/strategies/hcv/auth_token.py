"""Login with a token that the operator configured."""

from __future__ import annotations

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.answers import RefusedError, unexpected
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["TokenLogin", "look_up"]

_DOING = "looking up the Vault token"


class TokenLogin:
    """Takes the token as it is, and learns how long it lives."""

    repeatable = False

    def __init__(self, config: HcvConfig) -> None:
        self._token = Secret(config.token.reveal().strip() if config.token else "")

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Return the configured token; one that may not look itself up is used without renewal."""
        return look_up(self._token, transport, deadline) or Login(self._token, 0, renewable=False)


def look_up(token: Secret, transport: Transport, deadline: Deadline) -> Login | None:
    """Ask Vault about a token; ``None`` where it is invalid or may not look itself up."""
    adapter = transport.adapter(token, deadline, _DOING)
    from hvac.api.auth_methods import Token

    try:
        answer = Token(adapter).lookup_self()
    except RefusedError as refused:
        if refused.status in (401, 403):
            return None
        raise unexpected(refused, _DOING) from None
    data = answer.get("data")
    ttl_s = data.get("ttl") if isinstance(data, dict) else None
    if not isinstance(ttl_s, (int, float)):
        raise InvalidResponseError(f"{_DOING}: Vault's answer holds no ttl")
    return Login(token, ttl_s, data.get("renewable") is True)
