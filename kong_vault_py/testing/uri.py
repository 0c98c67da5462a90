"""Paths and query strings as Kong and lua-nginx-module treat them (``kong/tools/uri.lua``, ``ngx.decode_args``)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from kong_vault_py.dialect.lua_value import to_bytes, to_text, tostring

__all__ = ["decode_args", "encode_args", "escape_path", "normalize_path"]

_RESERVED = b"!*'();:@&=+$,/?%#[]"
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_UNSAFE_IN_PATH = re.compile(rb"[^!#$&'()*+,/:;=?@\[\]A-Za-z0-9\-_.~%]")
_DEFAULT_MAX_ARGS = 100


def normalize_path(path: str) -> str:
    """Decode what is safe to decode, resolve dot segments, merge slashes (``kong.request.get_path``)."""
    text = to_text(_ESCAPE.sub(_decode_unreserved, to_bytes(path)))
    if "." not in text and "//" not in text:
        return text
    kept: list[str] = []
    segments = text.split("/")[1:]
    for segment in segments:
        if segment == "..":
            kept = kept[:-1]
        elif segment not in ("", "."):
            kept.append(segment)
    ends_in_slash = segments[-1:] in ([""], ["."], [".."]) and bool(kept)
    return "/" + "/".join(kept) + ("/" if ends_in_slash else "")


def _decode_unreserved(found: re.Match[bytes]) -> bytes:
    byte = bytes([int(found[1], 16)])
    return found[0].upper() if byte in _RESERVED else byte


def escape_path(path: str) -> str:
    """Escape the bytes that may not stand in a request line."""
    return to_text(_UNSAFE_IN_PATH.sub(lambda found: b"%%%02X" % found[0][0], to_bytes(path)))


def decode_args(query: str, limit: int | None = None) -> dict[str, Any]:
    """Decode a query string or form: a bare name is ``True``, a repeated one a list.

    Args:
        query: the text behind the question mark.
        limit: at most that many arguments (Kong: 100 by default).
    """
    table: dict[str, Any] = {}
    for pair in [pair for pair in query.split("&") if pair][: limit or _DEFAULT_MAX_ARGS]:
        raw_name, equals, raw_value = pair.partition("=")
        name = _unescape(raw_name)
        if not name:
            continue
        value: Any = _unescape(raw_value) if equals else True
        if name not in table:
            table[name] = value
        elif isinstance(table[name], list):
            table[name].append(value)
        else:
            table[name] = [table[name], value]
    return table


def _unescape(text: str) -> str:
    raw = to_bytes(text.replace("+", " "))
    return to_text(_ESCAPE.sub(lambda found: bytes([int(found[1], 16)]), raw))


def encode_args(arguments: Mapping[str, Any]) -> str:
    """Encode arguments, sorted by their text as ``kong.service.request.set_query`` does.

    Raises:
        TypeError: a name that is no text, or a value that a query string can't hold.
    """
    parts = []
    for name, value in arguments.items():
        if not isinstance(name, str):
            raise TypeError("arg keys must be strings")
        items = value if isinstance(value, list) else [value]
        parts.append("&".join(part for item in items for part in _encoded(name, item)))
    return "&".join(sorted(part for part in parts if part))


def _encoded(name: str, value: Any) -> list[str]:
    if value is False:
        return []
    if value is True:
        return [_quote(name)]
    if isinstance(value, (str, int, float)):
        return [f"{_quote(name)}={_quote(tostring(value))}"]
    raise TypeError(f"attempt to use {type(value).__name__} as query arg value")


def _quote(text: str) -> str:
    return quote(to_bytes(text), safe="")
