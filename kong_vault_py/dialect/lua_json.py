"""A JSON decoder with the dialect and error texts of lua-cjson (OpenResty's 2.1), which Kong reads secrets by.

Laxer than the standard (NaN, hex, leading zeros, raw control characters, bytes that are no UTF-8), and
stricter (lone surrogates, NUL, depth). Follows ``lua_cjson.c``: ``json_decode``, ``json_process_value`` and their kin.
"""

from __future__ import annotations

from typing import Union

from kong_vault_py.dialect.lua_json_tokens import Token, Tokens

__all__ = ["JsonValue", "LuaJsonError", "decode"]

#: ``None`` is null. Texts that were no UTF-8 hold surrogate escapes.
JsonValue = Union[None, bool, int, float, str, "list[JsonValue]", "dict[str, JsonValue]"]

_MAX_DEPTH = 1000
_SCALARS = frozenset({"T_STRING", "T_NUMBER", "T_INTEGER", "T_BOOLEAN", "T_NULL"})


class LuaJsonError(ValueError):
    """The text is no JSON in cjson's eyes. The message is cjson's: it names a position, never the content."""


class _OpenTable:
    """An object or array whose end is not read yet."""

    def __init__(self, content: dict[str, JsonValue] | list[JsonValue]) -> None:
        self.content = content
        self.key = ""
        self.kind, self.end = ("object", "T_OBJ_END") if isinstance(content, dict) else ("array", "T_ARR_END")

    def add(self, value: JsonValue) -> None:
        if isinstance(self.content, dict):
            self.content[self.key] = value
        else:
            self.content.append(value)


def decode(document: bytes) -> JsonValue:
    """Return what cjson's ``decode`` makes of a document.

    Raises:
        LuaJsonError: with cjson's text.
    """
    if len(document) > 1 and b"\0" in document[:2]:
        raise LuaJsonError("JSON parser does not support UTF-16 or UTF-32")
    tokens = Tokens(document)
    value = _value(tokens)
    token = tokens.next()
    # A NUL ends cjson's text, which must be the whole document.
    if token.kind != "T_END" or token.at != len(document):
        raise _unexpected("the end", token)
    return value


def _value(tokens: Tokens) -> JsonValue:
    """Decode one value, without recursion: cjson allows more nesting than Python's stack."""
    open_tables: list[_OpenTable] = []
    token: Token | None = tokens.next()
    while token is not None:
        if token.kind in _SCALARS:
            value: JsonValue = token.value
        else:
            table = _open(token, len(open_tables) + 1, tokens)
            value = table.content
            token = tokens.next()
            if token.kind != table.end:
                open_tables.append(table)
                token = _first_of_item(table, token, tokens)
                continue
        value, token = _close(open_tables, value, tokens)
    return value


def _open(token: Token, depth: int, tokens: Tokens) -> _OpenTable:
    if token.kind not in ("T_OBJ_BEGIN", "T_ARR_BEGIN"):
        raise _unexpected("value", token)
    if depth > _MAX_DEPTH:
        raise LuaJsonError(f"Found too many nested data structures ({depth}) at character {tokens.at}")
    return _OpenTable({} if token.kind == "T_OBJ_BEGIN" else [])


def _first_of_item(table: _OpenTable, token: Token, tokens: Tokens) -> Token:
    """Return the first token of a table's next value, given the first of the item: in an object, the key's."""
    if isinstance(table.content, list):
        return token
    if token.kind != "T_STRING":
        raise _unexpected("object key string", token)
    table.key = str(token.value)
    colon = tokens.next()
    if colon.kind != "T_COLON":
        raise _unexpected("colon", colon)
    return tokens.next()


def _close(open_tables: list[_OpenTable], value: JsonValue, tokens: Tokens) -> tuple[JsonValue, Token | None]:
    """Put a finished value into its table, and every table that this finishes into its own.

    Returns the value finished last, and the first token of the next one: ``None`` if it was the document.
    """
    while open_tables:
        table = open_tables[-1]
        table.add(value)
        token = tokens.next()
        if token.kind == "T_COMMA":
            return value, _first_of_item(table, tokens.next(), tokens)
        if token.kind != table.end:
            raise _unexpected(f"comma or {table.kind} end", token)
        value = open_tables.pop().content
    return value, None


def _unexpected(expected: str, found: Token) -> LuaJsonError:
    return LuaJsonError(f"Expected {expected} but found {found.kind} at character {found.at + 1}")
