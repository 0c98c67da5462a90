"""Text that a database can keep: references may hold anything that a URL can."""

from __future__ import annotations

from typing import Any

__all__ = ["storable"]

_MAX_TEXT_CHARS = 1024


def storable(value: Any) -> Any:
    """Return plain data with every text in it cut, without NUL and half characters."""
    if isinstance(value, str):
        return value[:_MAX_TEXT_CHARS].encode("utf-8", "replace").decode().replace("\0", "?")
    if isinstance(value, dict):
        return {name: storable(item) for name, item in value.items()}
    return [storable(item) for item in value] if isinstance(value, (list, tuple)) else value
