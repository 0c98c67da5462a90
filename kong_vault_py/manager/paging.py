"""Pages as Kong's Admin API has them: ``size``, and an opaque ``offset`` that the answer before gave."""

from __future__ import annotations

import base64
import binascii
import json

from kong_vault_py.manager.problems import InvalidOffsetError, InvalidSizeError

__all__ = ["DEFAULT_SIZE", "page_offset", "page_size", "read_offset"]

DEFAULT_SIZE = 100
_MAX_SIZE = 1000
_MAX_DIGITS = 10


def page_size(text: str | None) -> int:
    """Return a page's size of a query parameter.

    Raises:
        InvalidSizeError: it is no integer from 1 to 1,000.
    """
    if text is None:
        return DEFAULT_SIZE
    try:
        number = float(text) if len(text) <= _MAX_DIGITS else -1.0
    except ValueError:
        raise InvalidSizeError("size must be a number") from None
    if not (number.is_integer() and 1 <= number <= _MAX_SIZE):
        raise InvalidSizeError(f"size must be an integer between 1 and {_MAX_SIZE}")
    return int(number)


def page_offset(last: str) -> str:
    """Return the offset of the page after this last key."""
    return base64.urlsafe_b64encode(json.dumps([last]).encode()).decode()


def read_offset(offset: str | None) -> str | None:
    """Return the key that an offset stands for.

    Raises:
        InvalidOffsetError: it is none of ours.
    """
    if offset is None:
        return None
    try:
        raw = base64.b64decode(offset.encode("ascii"), altchars=b"-_", validate=True)
    except (binascii.Error, UnicodeEncodeError, ValueError):
        raise InvalidOffsetError(offset, "bad base64 encoding") from None
    try:
        value = json.loads(raw)
    except (ValueError, RecursionError):
        raise InvalidOffsetError(offset, "bad json encoding") from None
    if not (isinstance(value, list) and len(value) == 1 and isinstance(value[0], str) and value[0].isprintable()):
        raise InvalidOffsetError(offset, "bad offset")
    return value[0]
