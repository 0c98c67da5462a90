"""The tokens of JSON as lua-cjson reads them: ``json_next_token`` of ``lua_cjson.c`` and what it calls."""

from __future__ import annotations

import re
from typing import NamedTuple

from kong_vault_py.dialect.lua_number import hex_to_float
from kong_vault_py.dialect.lua_value import to_text

__all__ = ["Token", "Tokens"]

_INT64 = 2**63
_INT64_DIGITS = 19

_WHITESPACE = re.compile(rb"[ \t\r\n]*")
_PLAIN = re.compile(rb'[^"\\\0]*')
_HEX4 = re.compile(rb"[0-9A-Fa-f]{4}")
_INTEGER = re.compile(rb"[+-]?[0-9]+")
# What C's strtod reads.
_FLOAT = re.compile(
    rb"""(?P<sign>[+-]?)
    (?: (?P<infinity>inf(?:inity)?) | (?P<nan>nan(?:\([0-9a-z_]*\))?)
      | 0x(?P<hex>(?=\.?[0-9a-f])[0-9a-f]*\.?[0-9a-f]*(?:p[+-]?[0-9]+)?)
      | (?P<decimal>(?=\.?[0-9])[0-9]*\.?[0-9]*(?:e[+-]?[0-9]+)?) )""",
    re.VERBOSE | re.IGNORECASE,
)
_NUMBER_START = re.compile(rb"[+0-9-]|inf|nan", re.IGNORECASE)

_PUNCTUATION = {
    b"{": "T_OBJ_BEGIN",
    b"}": "T_OBJ_END",
    b"[": "T_ARR_BEGIN",
    b"]": "T_ARR_END",
    b":": "T_COLON",
    b",": "T_COMMA",
}
_WORDS: dict[bytes, tuple[str, bool | None]] = {
    b"true": ("T_BOOLEAN", True),
    b"false": ("T_BOOLEAN", False),
    b"null": ("T_NULL", None),
}
_ESCAPES = {
    b'"': b'"', b"\\": b"\\", b"/": b"/",
    b"b": b"\b", b"f": b"\f", b"n": b"\n", b"r": b"\r", b"t": b"\t",
}  # fmt: skip


class Token(NamedTuple):
    """One token; ``at`` counts bytes from 0."""

    kind: str  # cjson's token name, or its words for what is wrong where there is no token
    at: int
    value: bool | int | float | str | None = None


class Tokens:
    """Reads the tokens of one document, one after the other.

    Attributes:
        at: the position behind the token read last.
    """

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def next(self) -> Token:
        """Return the next token. At the end, and at an error, the same one for ever."""
        data = self._data
        at = self.at = _WHITESPACE.match(data, self.at).end()  # type: ignore[union-attr]  # matches always
        first = data[at : at + 1]
        if not first or first == b"\0":
            return Token("T_END", at)
        if first in _PUNCTUATION:
            self.at = at + 1
            return Token(_PUNCTUATION[first], at)
        if first == b'"':
            return self._string(at)
        for word, (kind, value) in _WORDS.items():
            if data.startswith(word, at):
                self.at = at + len(word)
                return Token(kind, at, value)
        if _NUMBER_START.match(data, at):
            return self._number(at)
        return Token("invalid token", at)

    def _number(self, at: int) -> Token:
        data = self._data
        integer = _INTEGER.match(data, at)
        if integer and data[integer.end() : integer.end() + 1] not in (b".", b"e", b"E", b"x"):
            self.at = integer.end()
            # C's strtoll stops at the ends of its range.
            return Token("T_INTEGER", at, max(-_INT64, min(_INT64 - 1, _bounded_int(integer[0]))))
        found = _FLOAT.match(data, at)
        if found is None:
            return Token("invalid number", at)
        self.at = found.end()
        return Token("T_NUMBER", at, _float(found))

    def _string(self, start: int) -> Token:
        data, at = self._data, start + 1
        parts: list[bytes] = []
        while True:
            plain = _PLAIN.match(data, at)
            parts.append(plain[0])  # type: ignore[index]  # matches always
            at = plain.end()  # type: ignore[union-attr]
            stop = data[at : at + 1]
            if stop == b'"':
                self.at = at + 1
                return Token("T_STRING", start, to_text(b"".join(parts)))
            if stop != b"\\":
                return Token("unexpected end of string", at)
            escape = data[at + 1 : at + 2]
            if escape == b"u":
                char, length = _unicode_escape(data, at)
                if char is None:
                    return Token("invalid unicode escape code", at)
                parts.append(char)
                at += length
            elif escape in _ESCAPES:
                parts.append(_ESCAPES[escape])
                at += 2
            else:
                return Token("invalid escape code", at)


def _bounded_int(digits: bytes) -> int:
    # Python refuses to read very long integers; beyond int64 only the sign counts.
    significant = digits.lstrip(b"+-0")
    if len(significant) > _INT64_DIGITS:
        return -_INT64 if digits.startswith(b"-") else _INT64
    return int(digits)


def _float(found: re.Match[bytes]) -> float:
    sign = -1.0 if found["sign"] == b"-" else 1.0
    if found["hex"] is not None:
        return sign * hex_to_float(found["hex"].decode())
    if found["decimal"] is not None:
        return sign * float(found["decimal"])
    return sign * float("inf") if found["infinity"] else float("nan")


def _hex4(data: bytes, at: int) -> int | None:
    found = _HEX4.match(data, at)
    return int(found[0], 16) if found else None


def _unicode_escape(data: bytes, at: int) -> tuple[bytes | None, int]:
    """Return the UTF-8 of the escape at ``at`` and the escape's length; ``None`` for a bad or half one."""
    code = _hex4(data, at + 2)
    if code is None or 0xDC00 <= code <= 0xDFFF:
        return None, 0
    if not 0xD800 <= code <= 0xDBFF:
        return chr(code).encode(), 6
    low = _hex4(data, at + 8) if data.startswith(b"\\u", at + 6) else None
    if low is None or not 0xDC00 <= low <= 0xDFFF:
        return None, 0
    return chr(0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00)).encode(), 12
