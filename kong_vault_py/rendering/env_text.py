r"""Files of NAME=value: for a shell, systemd and Compose (``env``), or for ``docker run --env-file`` (``docker-env``).

``env``: blank lines and ``#`` lines, an optional ``export``, and a value that is bare (to the line's end or a `` #``),
in single quotes (all literal), or in double quotes (``\"``, ``\\``, ``\$`` and ``\``` as in sh; nothing is expanded). A
quoted value may span lines. ``docker-env`` knows no quotes: the value is the rest of the line, so it can't hold a line
break.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from kong_vault_py.rendering.places import Format, Place, SyntaxProblemError, UnwritableError
from kong_vault_py.rendering.references import Filled

__all__ = ["DOCKER_ENV", "ENV", "Variable", "variables"]

_START = re.compile(r"[ \t]*(?:export[ \t]+)?([A-Za-z_][A-Za-z0-9_]*)(=|(?=[ \t\r]*(?:\n|\Z)))")
_NOTHING = re.compile(r"[ \t\r]*(?:#[^\n]*)?(?:\n|\Z)")
_SINGLE = re.compile(r"'([^']*)'")
_DOUBLE = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_COMMENT = re.compile(r"[ \t]#.*", re.DOTALL)
_SPACE = " \t\r"
_BEHIND = re.compile(r"[ \t\r]*(?:(?<=[ \t])#[^\n]*)?(?:\n|\Z)")
_ESCAPED = re.compile(r'\\(["\\$`])')
_SPECIAL = re.compile(r'["\\$`]')
_SAFE = re.compile(r"[A-Za-z0-9_@%+=:,./-]*")


class Variable(NamedTuple):
    """One line of such a file.

    Attributes:
        name: the variable's name.
        place: its value; ``None`` for a name alone, which stands for the caller's own variable.
        line: counted from 1.
    """

    name: str
    place: Place | None
    line: int


def variables(text: str) -> Iterator[Variable]:
    """Yield the variables of an ``env`` text.

    Raises:
        SyntaxProblemError: a line is no variable, or a quote stays open.
    """
    position, line = 0, 1
    while position < len(text):
        end = _end_of(_NOTHING, text, position)
        if end is None:
            found = _START.match(text, position)
            if found is None:
                raise SyntaxProblemError(line, "not of the form NAME=value")
            place = _value(text, found.end(), line) if found[2] else None
            yield Variable(found[1], place, line)
            end = _end_of(_BEHIND, text, place.end if place else found.end())
            if end is None:
                raise SyntaxProblemError(line, "something follows the closing quote")
        line += text.count("\n", position, end)
        position = end


def _end_of(pattern: re.Pattern[str], text: str, position: int) -> int | None:
    found = pattern.match(text, position)
    return found.end() if found else None


def _value(text: str, start: int, line: int) -> Place:
    quote = text[start : start + 1]
    if quote not in ("'", '"'):
        end = text.find("\n", start)
        value = _COMMENT.sub("", text[start:end] if end >= 0 else text[start:])
        start += len(value) - len(value.lstrip(_SPACE))
        value = value.strip(_SPACE)
        return Place(start, start + len(value), value)
    found = (_SINGLE if quote == "'" else _DOUBLE).match(text, start)
    if found is None:
        raise SyntaxProblemError(line, f"the quote {quote} is never closed")
    value = found[1] if quote == "'" else _ESCAPED.sub(r"\1", found[1])
    return Place(start, found.end(), value, quote)


def _places(text: str) -> Iterator[Place]:
    return (variable.place for variable in variables(text) if variable.place)


def _written(place: Place, _raw: str, filled: Filled) -> str:
    value = filled.text
    if "\0" in value:
        raise UnwritableError("it has a NUL, which no environment variable can hold")
    if not place.style and _SAFE.fullmatch(value):
        return value
    if place.style != '"' and "'" not in value:
        return f"'{value}'"
    escaped = _SPECIAL.sub(r"\\\g<0>", value)
    return f'"{escaped}"'


def _docker_places(text: str) -> Iterator[Place]:
    position = 0
    for number, line in enumerate(text.split("\n"), 1):
        content = line.removesuffix("\r")
        name, equals, value = content.partition("=")
        if content.strip() and not content.lstrip().startswith("#"):
            if not name.strip() or (equals and name != name.rstrip()):
                raise SyntaxProblemError(number, "not of the form NAME=value")
            if equals:
                start = position + len(name) + 1
                yield Place(start, start + len(value), value)
        position += len(line) + 1


def _docker_written(_place: Place, _raw: str, filled: Filled) -> str:
    value = filled.text
    if "\n" in value or value.endswith("\r"):
        raise UnwritableError("it has a line break, which docker's env files can't hold")
    if "\0" in value:
        raise UnwritableError("it has a NUL, which no environment variable can hold")
    return value


ENV = Format(_places, _written)
DOCKER_ENV = Format(_docker_places, _docker_written)
