"""Python values as Lua sees them: ``None`` is ``ngx.null``, list and dict are tables, an absent key is nil."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kong_vault_py.dialect.lua_number import format_number

__all__ = ["is_sequence", "to_bytes", "to_text", "tostring", "type_name"]


def to_bytes(text: str) -> bytes:
    """Return the bytes that a text stands for; those that were no UTF-8 travel as surrogate escapes."""
    try:
        return text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        # Surrogates that escape no byte, as json.loads makes of "\ud800": no UTF-8 either, but never a crash.
        return text.encode("utf-8", "surrogatepass")


def to_text(raw: bytes) -> str:
    """Return bytes as text, the inverse of :func:`to_bytes`."""
    return raw.decode("utf-8", "surrogateescape")


def type_name(value: object) -> str:
    """Return what Lua's ``type`` calls the value."""
    if isinstance(value, (str, bytes)):
        return "string"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, (Mapping, Sequence)):
        return "table"
    return "function" if callable(value) else "userdata"


def tostring(value: object) -> str:
    """Return the value as Lua's ``tostring`` prints it; a Python type stands where Lua prints an address."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return to_text(value)
    if value is None:
        return "userdata: NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return format_number(value)
    return f"{type_name(value)}: {type(value).__name__}"


def is_sequence(value: object) -> bool:
    """Say whether the value is a Lua table that is an array; the empty table is one."""
    if isinstance(value, Mapping):
        return all(index in value for index in range(1, len(value) + 1))
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes))
