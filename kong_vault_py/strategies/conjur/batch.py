"""The answer to Conjur's batch call."""

from __future__ import annotations

import base64
import json

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.strategies.http.exchange import Answer

__all__ = ["values_in"]


def values_in(answer: Answer, doing: str) -> dict[str, str]:
    """Return the values by full id; they are in base64 if the answer says so.

    Raises:
        InvalidResponseError: it is no answer of Conjur's.
    """
    in_base64 = answer.headers.get("Content-Encoding", "").strip().lower() == "base64"
    try:
        document = json.loads(answer.body)
        return {name: _decoded(value) if in_base64 else _text(value) for name, value in document.items()}
    except (ValueError, TypeError, AttributeError, RecursionError):
        # No cause: its text could hold a part of a value.
        raise InvalidResponseError(f"{doing}: the answer holds no values; check option 'endpoint_url'") from None


def _decoded(value: str) -> str:
    # Conjur breaks the lines.
    return base64.b64decode("".join(value.split()), validate=True).decode("utf-8", "surrogateescape")


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError
    value.encode("utf-8")
    return value
