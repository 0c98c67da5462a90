"""Text that no database column can hold: NUL (PostgreSQL) and half a surrogate pair (both)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["is_clean"]

_UNSTORABLE = re.compile("[\0\ud800-\udfff]")


def is_clean(value: Any) -> bool:
    """Say whether all text in JSON-like data, keys included, can be stored."""
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is None
    if isinstance(value, Mapping):
        return all(is_clean(key) and is_clean(item) for key, item in value.items())
    return all(map(is_clean, value)) if isinstance(value, list) else True
