"""YAML: scalars are replaced where they stand, so that comments, order, anchors and everybody's quoting stay.

A value is always a string again when it is read: what was a plain scalar comes in double quotes. A tag stays, so
``port: !!int "{vault://env/port}"`` is a number to the reader.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from kong_vault_py.rendering.places import Format, Place, SyntaxProblemError
from kong_vault_py.rendering.references import Filled

__all__ = ["YAML"]

_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_BOM = "\ufeff"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\0": "\\0", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_BLOCK_HEADER = re.compile(r"[|>][-+]?([0-9]?)[-+]?")
_INDENT = re.compile(r"\n([ ]+)[^\s]")


def _places(text: str) -> Iterator[Place]:
    shift = len(_BOM) if text.startswith(_BOM) else 0
    body = text[shift:]
    try:
        for _event in yaml.parse(body, _LOADER):
            pass  # the grammar: the tokens below don't tell an unclosed bracket
        before = None
        for token in yaml.scan(body, _LOADER):
            if isinstance(token, yaml.ScalarToken):
                start, end = token.start_mark.index, token.end_mark.index
                if isinstance(before, yaml.FlowMappingStartToken) and token.value.startswith("vault://"):
                    _refuse_bare_reference(body, start, end)
                yield Place(start + shift, end + shift, token.value, "" if token.plain else token.style)
            before = token
    except yaml.YAMLError as error:
        raise _problem(error, body) from None


def _refuse_bare_reference(text: str, start: int, end: int) -> None:
    if text[start - 1] == "{" and text[end : end + 1] == "}":
        line = text.count("\n", 0, start) + 1
        raise SyntaxProblemError(line, "a reference without quotes is a mapping to YAML: put it in quotes")


def _problem(error: yaml.YAMLError, text: str) -> SyntaxProblemError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    position = getattr(error, "position", None)
    line = mark.line + 1 if mark else 0
    if mark is None and isinstance(position, int):
        line = text.count("\n", 0, position) + 1
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or "can't be read"
    return SyntaxProblemError(line, f"not valid YAML: {what}")


def _written(place: Place, raw: str, filled: Filled) -> str:
    one_line = "\n" not in raw and "\r" not in raw
    new = None
    if place.style == "'" and one_line and all(value.isprintable() for value in filled.fills):
        new = filled.inside(raw, lambda value: value.replace("'", "''"))
    elif place.style == '"' and one_line:
        new = filled.inside(raw, _escaped)
    elif place.style in ("|", ">"):
        return _in_block(raw, filled) or _instead_of_block(raw, filled.text)
    return _quoted(filled.text) if new is None else new


def _escaped(value: str) -> str:
    return "".join(_ESCAPES.get(c) or (c if c.isprintable() else _by_number(ord(c))) for c in value)


def _by_number(code: int) -> str:
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def _quoted(value: str) -> str:
    return f'"{_escaped(value)}"'


def _in_block(raw: str, filled: Filled) -> str | None:
    """Write the values into the block's own lines, if they then read back."""
    header, indent = _BLOCK_HEADER.match(raw), _INDENT.search(raw)
    if header is None or header[1] or indent is None:
        return None
    new = filled.inside(raw, lambda value: value.replace("\n", f"\n{indent[1]}"))
    if new is None:
        return None
    try:
        # A parent at column 0, so that the block's lines are its own whatever their depth.
        tokens = [token for token in yaml.scan(f"k: {new}", _LOADER) if isinstance(token, yaml.ScalarToken)]
    except yaml.YAMLError:
        return None
    return new if [token.value for token in tokens] == ["k", filled.text] else None


def _instead_of_block(raw: str, value: str) -> str:
    """Write the value in quotes, with the header line's comment and the blank lines at the end."""
    header = _BLOCK_HEADER.match(raw)
    first = raw.partition("\n")[0].rstrip("\r")
    behind = first[header.end() :].rstrip() if header else ""
    return _quoted(value) + behind + raw[len(raw.rstrip()) :]


YAML = Format(_places, _written, utf8_only=True)
