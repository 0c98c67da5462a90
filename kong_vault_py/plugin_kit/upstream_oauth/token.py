"""An access token with its times, and what a token endpoint's answer has to be to hold one (RFC 6749, 5.1 and 5.2)."""

from __future__ import annotations

import json
import math
import re
from typing import Any, NamedTuple, NoReturn

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    StrategyError,
    UnavailableError,
)
from kong_vault_py.secret import Secret

__all__ = ["Grant", "Token", "read_grant"]

# A header of this size still passes Nginx and most upstreams.
_MAX_TOKEN_CHARS = 16 * 1024
_MAX_LIFETIME_S = 10 * 365 * 24 * 3600.0

_TOKEN = re.compile(r"[!-~]+")
_ERROR_CODE = re.compile(r"[a-z_]{1,64}")
_DIGITS = re.compile(r"[0-9]{1,12}(\.[0-9]+)?")
_LOGIN_REFUSED = frozenset({"invalid_client", "invalid_grant", "unauthorized_client"})


class Token(NamedTuple):
    """An access token.

    Attributes:
        value: the token alone, without its type.
        valid_until_s: Unix time of its end.
    """

    value: Secret
    valid_until_s: float


class Grant(NamedTuple):
    """What an IdP granted.

    Attributes:
        value: the token.
        lifetime_s: seconds from now, ``None`` where the IdP doesn't say.
    """

    value: Secret
    lifetime_s: float | None


def read_grant(status: int, body: bytes, where: str) -> Grant:
    """Read a token endpoint's answer.

    Args:
        status: its HTTP status.
        body: its body.
        where: the endpoint, for messages.

    Raises:
        AuthenticationError: it refuses the client's or the user's login.
        PermissionDeniedError: it refuses for another reason.
        UnavailableError: it is out of order, or has had too many requests.
        InvalidResponseError: the answer is no token that can be used.
    """
    if status != 200:
        raise _refusal(status, body, where)
    answer = _object(body)
    if answer is None:
        raise InvalidResponseError(f"{where} answered 200 with what is no JSON object")
    token = answer.get("access_token")
    if not (isinstance(token, str) and _TOKEN.fullmatch(token) and len(token) <= _MAX_TOKEN_CHARS):
        raise InvalidResponseError(f"{where} answered 200 without an access_token that fits a header")
    kind = answer.get("token_type", "Bearer")
    if not (isinstance(kind, str) and kind.lower() == "bearer"):
        raise InvalidResponseError(f"{where}: its token_type is not Bearer, and no other can be sent upstream")
    return Grant(Secret(token), _lifetime_s(answer.get("expires_in"), where))


def _lifetime_s(value: object, where: str) -> float | None:
    if value is None:
        return None
    # Some providers send the number as a text.
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        value = float(value)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value) or value < 0:
        raise InvalidResponseError(f"{where}: its expires_in is no number of seconds")
    return min(float(value), _MAX_LIFETIME_S)


def _refusal(status: int, body: bytes, where: str) -> StrategyError:
    if 300 <= status < 400:
        return InvalidResponseError(f"{where} redirects ({status}): name the right address in oauth.token_endpoint")
    if status == 429 or status >= 500:
        return UnavailableError(f"{where} answered {status}")
    code = (_object(body) or {}).get("error")
    # The code alone: the description may repeat what we sent.
    reason = f"{status} {code}" if isinstance(code, str) and _ERROR_CODE.fullmatch(code) else str(status)
    if status == 401 or code in _LOGIN_REFUSED:
        return AuthenticationError(f"{where} refuses the login ({reason})")
    if status in (400, 403):
        return PermissionDeniedError(f"{where} refuses a token ({reason})")
    return InvalidResponseError(f"{where} answered {reason}; check oauth.token_endpoint")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = json.loads(body, parse_constant=_refuse)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
