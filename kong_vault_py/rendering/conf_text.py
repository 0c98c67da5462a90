r"""kong.conf: ``key = value``, ``#`` starts a comment unless it is ``\#``, ``\`` at a line's end continues it.

As Kong reads it: ``load_config`` of ``kong/conf_loader/init.lua`` on Penlight's ``config.read``, which also takes a
value for a number where Lua can (``0012`` becomes 12). A comment behind the value keeps it as it is written, so such
values get an empty one. ``$`` needs nothing: Kong puts settings into nginx's configuration without expanding them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from kong_vault_py.dialect.lua_number import format_number, tonumber
from kong_vault_py.rendering.places import Format, Place, UnwritableError
from kong_vault_py.rendering.references import Filled

__all__ = ["CONF"]

_IGNORED = re.compile(r"\s*(?:[#;]|$)", re.ASCII)
_CONTINUED = re.compile(r"\\\s*$", re.ASCII)
_EQUALS = re.compile(r"\s*=\s*", re.ASCII)
_COMMENT = re.compile(r"\s*(?<!\\)#.*$", re.DOTALL | re.ASCII)
_LUA_SPACE = " \t\n\v\f\r"
_EMPTY_COMMENT = " #"
#: Kong tells Penlight to cut lists at this word, in place of commas.
_LIST_DELIMITER = "_blank_"


def _places(text: str) -> Iterator[Place]:
    position, continued = 0, False
    for line in text.split("\n"):
        if not _IGNORED.match(line):
            equals = None if continued else _EQUALS.search(line)
            start = equals.end() if equals else 0
            again = _CONTINUED.search(line)
            value = line[start : again.start()] if again else _COMMENT.sub("", line[start:]).rstrip(_LUA_SPACE)
            style = "continued" if again or continued else ""
            yield Place(position + start, position + start + len(value), _read(value), style)
            continued = again is not None
        position += len(line) + 1


def _read(value: str) -> str:
    return value.replace("\\#", "#")


def _written(place: Place, _raw: str, filled: Filled) -> str:
    value = filled.text
    if "\n" in value or "\0" in value:
        raise UnwritableError("it has a line break or a NUL, which kong.conf can't hold")
    if value != value.strip(_LUA_SPACE) and not place.style:
        raise UnwritableError("it begins or ends with a space, which Kong cuts off in kong.conf")
    if _LIST_DELIMITER in value:
        raise UnwritableError(f"it has the word {_LIST_DELIMITER} in it, at which Kong cuts a setting")
    escaped = value.replace("#", "\\#")
    if place.style:
        if value.rstrip(_LUA_SPACE).endswith("\\"):
            raise UnwritableError("it ends with a backslash, which would continue the line")
        return escaped
    return escaped + _EMPTY_COMMENT if _needs_comment(value) else escaped


def _needs_comment(value: str) -> bool:
    if value.endswith("\\"):
        return True
    number = tonumber(value.removesuffix(" kB")) if value[:1] in set("0123456789+-") else None
    return number is not None and format_number(number) != value


CONF = Format(_places, _written)
