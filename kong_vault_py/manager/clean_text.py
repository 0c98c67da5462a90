"""What no database column can hold: NUL (PostgreSQL), half a surrogate pair, and data too deep to be written again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["is_clean"]

_MAX_DEPTH = 50
_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_clean(value: Any, depth: int = _MAX_DEPTH) -> bool:
    """Say whether JSON-like data can be stored: its text, keys included, and no more than ``depth`` levels."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if not isinstance(value, (Mapping, list)):
        return True
    if not depth:
        return False
    if isinstance(value, Mapping):
        return all(is_clean(key) and is_clean(item, depth - 1) for key, item in value.items())
    return all(is_clean(item, depth - 1) for item in value)
