"""``{vault://prefix/resource/key?config#version}``: what is a reference, and what it says.

Byte for byte what Kong reads, quirks and error texts included: ``is_reference`` and ``parse_reference`` of
``kong/pdk/vault.lua``, on top of luasocket 3.0-rc1's ``url.parse`` and ``url.parse_path``, nginx's
``ngx.unescape_uri`` and ``ngx.decode_args``. Pure: no I/O, no state.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Union
from urllib.parse import quote

from kong_vault_py.dialect.lua_number import tonumber
from kong_vault_py.dialect.lua_value import to_bytes, to_text, tostring
from kong_vault_py.errors import InvalidReferenceError

__all__ = [
    "ConfigValue",
    "Reference",
    "find_references",
    "is_reference",
    "parse_reference",
    "reference_text",
    "whole_reference",
]

#: A query parameter's value: text, ``True`` for a bare name, a list where the name is repeated.
ConfigValue = Union[str, bool, "list[str | bool]"]

_START = b"{vault://"
_EMBEDDED = re.compile(r"\{vault://[^{}]*\}")
_PORT = re.compile(rb":[^:\]]*\Z")
_BRACKETS = re.compile(rb"\[(.+)\]", re.DOTALL)
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})")
_MAX_QUERY_PAIRS = 100


@dataclass(frozen=True, slots=True)
class Reference:
    """What a reference says. Text that was no UTF-8 holds surrogate escapes.

    Attributes:
        name: a vault entity's prefix, or a strategy's name.
        resource: the secret's name in the vault, unescaped.
        key: the key in the secret's JSON object, ``None`` for the whole secret.
        config: the overrides of the query, ``None`` without a query.
        version: the number behind ``#``, ``None`` for the current version.
    """

    name: str
    resource: str
    key: str | None = None
    config: Mapping[str, ConfigValue] | None = None
    version: float | int | None = None


def is_reference(text: object) -> bool:
    """Say whether all of ``text`` looks like a reference; :func:`parse_reference` says if it is valid."""
    if isinstance(text, str):
        return text.startswith("{vault://") and text.endswith("}")
    return isinstance(text, bytes) and text.startswith(_START) and text.endswith(b"}")


def find_references(text: str) -> list[tuple[int, int]]:
    """Return the spans of the references embedded in a longer text, such as ``Bearer {vault://hcv/api/token}``.

    Unlike a reference that is the whole value, an embedded one holds no braces: it ends at the first ``}``.
    """
    return [found.span() for found in _EMBEDDED.finditer(text)]


def parse_reference(text: str | bytes) -> Reference:
    """Take a reference apart.

    Raises:
        InvalidReferenceError: Kong would refuse it too; the message is Kong's.
    """
    if not is_reference(text):
        raise InvalidReferenceError(f"not a reference [{tostring(text)}]")
    raw = to_bytes(text) if isinstance(text, str) else text
    url, fragment = _cut(raw[1:-1], b"#")
    authority, path = _cut(url[len(_START) - 1 :], b"/")
    name = _host(authority)
    if not name:
        raise _invalid("is missing host", raw)
    if path is None:
        raise _invalid("is missing path", raw)
    path, query = _cut(path, b"?")
    path, _params = _cut(path, b";")
    if not path:
        raise _invalid("has empty path", raw)
    version = None if fragment is None else tonumber(to_text(fragment))
    if fragment is not None and version is None:
        raise _invalid("has invalid version", raw)
    segments = [_unescape(segment) for segment in path.split(b"/") if segment]
    if not segments:
        raise _invalid("has invalid path", raw)
    key = segments.pop() if len(segments) > 1 and not path.endswith(b"/") else None
    return Reference(
        name=to_text(name),
        # The second decoding: Kong unescapes what luasocket has already unescaped.
        resource=_unescape_uri(b"/".join(segments)),
        key=None if key is None else _unescape_uri(key),
        config=_decode_args(query) if query else None,
        version=version,
    )


def reference_text(reference: Reference) -> str:
    """Write a reference to a whole resource, of any name, such that it parses as itself.

    Raises:
        InvalidReferenceError: the resource has no name, or the reference a key or overrides: those aren't written.
    """
    if reference.config is not None:
        raise InvalidReferenceError("only a reference to a whole resource, without overrides, can be written")
    return whole_reference(reference)


def whole_reference(reference: Reference) -> str:
    """Write a reference to a whole resource, overrides included, such that it parses as itself.

    Raises:
        InvalidReferenceError: the resource has no name, or the reference a key: that isn't written.
    """
    if not reference.resource or reference.key is not None:
        raise InvalidReferenceError("only a reference to a whole resource with a name can be written")
    # Twice, since Kong unescapes twice; a slash would begin a key.
    once = quote(reference.resource, safe="", errors="surrogateescape")
    version = "" if reference.version is None else f"#{reference.version!r}"
    pairs = [
        (name, value)
        for name, values in (reference.config or {}).items()
        for value in (values if isinstance(values, list) else [values])
    ]
    query = "&".join(_escape(name) + ("" if value is True else f"={_escape(str(value))}") for name, value in pairs)
    return f"{{vault://{reference.name}/{quote(once, safe='')}{'?' * bool(query)}{query}{version}}}"


def _escape(text: str) -> str:
    return quote(text, safe="", errors="surrogateescape")


def _invalid(problem: str, raw: bytes) -> InvalidReferenceError:
    return InvalidReferenceError(f"reference url {problem} [{to_text(raw)}]")


def _cut(raw: bytes, separator: bytes) -> tuple[bytes, bytes | None]:
    before, found, after = raw.partition(separator)
    return before, after if found else None


def _host(authority: bytes) -> bytes:
    host = authority.partition(b"@")[2] if b"@" in authority else authority
    host = _PORT.sub(b"", host)
    bracketed = _BRACKETS.fullmatch(host)
    return bracketed[1] if bracketed else host


def _unescape(raw: bytes) -> bytes:
    return _ESCAPE.sub(lambda found: bytes.fromhex(found[1].decode()), raw) if b"%" in raw else raw


def _unescape_uri(raw: bytes) -> str:
    return to_text(_unescape(raw.replace(b"+", b" ")))


def _decode_args(query: bytes) -> dict[str, ConfigValue]:
    config: dict[str, ConfigValue] = {}
    # Pairs with an empty name count towards nginx's limit, though they are dropped.
    for pair in query.split(b"&")[:_MAX_QUERY_PAIRS]:
        raw_name, raw_value = _cut(pair, b"=")
        name = _unescape_uri(raw_name)
        if not name:
            continue
        value = True if raw_value is None else _unescape_uri(raw_value)
        earlier = config.get(name)
        if earlier is None:
            config[name] = value
        elif isinstance(earlier, list):
            earlier.append(value)
        else:
            config[name] = [earlier, value]
    return config
