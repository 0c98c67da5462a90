"""Checks of header arguments (``kong/pdk/private/checks.lua``)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.testing.failures import LuaError

__all__ = ["check_header", "check_headers"]


def check_header(name: Any, value: Any) -> None:
    """Check one header.

    Raises:
        LuaError: the name is no text, or the value neither text, number, boolean nor a list of texts.
    """
    if not isinstance(name, str):
        raise LuaError(f"invalid header name {name!r}: got {type(name).__name__}, expected string")
    items = value if isinstance(value, list) else [value]
    allowed = str if isinstance(value, list) else (str, int, float)
    for item in items:
        if not isinstance(item, allowed):
            kind = "nil" if item is None else type(item).__name__
            raise LuaError(f"invalid header value for {name!r}: got {kind}, expected string(s), number or boolean")


def check_headers(headers: Any) -> None:
    """Check a table of headers; the empty table arrives as a list.

    Raises:
        LuaError: it is no table, or a header in it is wrong.
    """
    if headers == []:
        return
    if not isinstance(headers, Mapping):
        raise LuaError("headers must be a table of names and values")
    for name, value in headers.items():
        check_header(name, value)
