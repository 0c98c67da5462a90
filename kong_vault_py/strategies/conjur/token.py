"""Conjur's access token: reading it, and when to get the next one."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret

__all__ = ["AccessToken", "read_token"]

#: What Conjur gives by default, where the token doesn't say.
_LIFE_S = 480.0
#: A new login is due when this much of a token's life is over.
_REPLACE_AT = 3 / 4


@dataclass(frozen=True)
class AccessToken:
    """A token, ready for the header ``Authorization``.

    Attributes:
        header: the header's value.
        replace_at_s: from then on a new login is due, in seconds of the caller's clock.
    """

    header: Secret
    replace_at_s: float


def read_token(body: bytes, now_s: float, doing: str) -> AccessToken:
    """Return the token in the answer to a login.

    Its life is the difference of the two moments that it names, so that the server's clock doesn't matter.

    Args:
        body: the answer: a JSON object, in base64 where no proxy took the ``Accept-Encoding`` away.
        now_s: when the login was asked for.
        doing: what was asked, for the error text.

    Raises:
        InvalidResponseError: it is no token.
    """
    try:
        plain = body if body.lstrip().startswith(b"{") else base64.b64decode(b"".join(body.split()), validate=True)
        document = json.loads(plain)
    except (ValueError, RecursionError):
        document = None
    if not isinstance(document, dict) or not document.keys() >= {"payload", "signature"}:
        raise InvalidResponseError(f"{doing}: the answer is no Conjur token; check option 'endpoint_url'")
    encoded = base64.b64encode(plain).decode("ascii")
    return AccessToken(Secret(f'Token token="{encoded}"'), now_s + _life_s(document) * _REPLACE_AT)


def _life_s(document: dict[str, Any]) -> float:
    try:
        payload = document["payload"] + "=" * (-len(document["payload"]) % 4)
        claims = json.loads(base64.urlsafe_b64decode(payload))
        return max(0.0, float(claims["exp"] - claims["iat"]))
    except (ValueError, TypeError, LookupError, RecursionError, OverflowError, binascii.Error):
        return _LIFE_S
