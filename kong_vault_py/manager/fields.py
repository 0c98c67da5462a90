"""Checks of a body's simple fields, with Kong's texts (``kong/db/schema/init.lua``).

Each adds what is wrong to ``problems`` and returns a value of the right type all the same, so that one answer tells
all that is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

__all__ = ["flag", "optional_text", "required_name", "required_text", "unknown_fields"]

_MAX_TEXT_CHARS = 2000
_REQUIRED = "required field missing"


def unknown_fields(given: Mapping[str, object], known: Collection[str]) -> dict[str, Any]:
    """Return the problems of a new body: its unknown fields."""
    return {name: "unknown field" for name in given if name not in known}


def required_text(given: Mapping[str, object], name: str, problems: dict[str, Any], *, most: int) -> str:
    """Return a text of 1 to ``most`` characters."""
    value = given.get(name)
    if value is None:
        problems[name] = _REQUIRED
    elif not isinstance(value, str):
        problems[name] = "expected a string"
    elif not value:
        problems[name] = "length must be at least 1"
    elif len(value) > most:
        problems[name] = f"length must be at most {most}"
    else:
        return value
    return ""


def required_name(
    given: Mapping[str, object], problems: dict[str, Any], *, pattern: re.Pattern[str], field: str = "name"
) -> str:
    """Return a name that matches a pattern."""
    name = required_text(given, field, problems, most=255)
    if name and not pattern.fullmatch(name):
        problems[field] = f"invalid value: {name}"
    return name


def optional_text(
    given: Mapping[str, object], name: str, problems: dict[str, Any], *, most: int = _MAX_TEXT_CHARS
) -> str | None:
    """Return a text or ``None``."""
    value = given.get(name)
    if value is None:
        return None
    if not isinstance(value, str):
        problems[name] = "expected a string"
        return None
    if len(value) > most:
        problems[name] = f"length must be at most {most}"
    return value


def flag(given: Mapping[str, object], name: str, problems: dict[str, Any], *, default: bool) -> bool:
    """Return a boolean."""
    value = given.get(name, default)
    if not isinstance(value, bool):
        problems[name] = "expected a boolean"
        return default
    return value
