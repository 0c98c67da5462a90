"""Kong's base64_decode for whole resources: Kong takes the key by itself, after the agent has answered."""

from __future__ import annotations

import base64
import binascii
import json

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret

__all__ = ["decoded"]


def decoded(secret: Secret) -> Secret:
    """Decode a resource from base64: the fields of a JSON object each, anything else as a whole.

    A field that is not base64, or whose bytes are no text, stays as it is: JSON could not hold them.

    Raises:
        InvalidResponseError: it is neither.
    """
    try:
        fields = json.loads(secret.reveal())
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        return Secret(json.dumps({name: _field(value) for name, value in fields.items()}))
    try:
        return Secret(base64.b64decode(secret.reveal_bytes(), validate=True))
    except binascii.Error:
        raise InvalidResponseError("base64_decode is on, but the value is not base64") from None


def _field(value: object) -> object:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True).decode("utf-8")
    except ValueError:
        return value
