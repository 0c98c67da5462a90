"""Headers as Nginx holds them: in order, repeated names kept, looked up in any case and with ``_`` for ``-``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from kong_vault_py.dialect.lua_value import tostring

__all__ = ["Headers", "header_values"]

_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f]")


def _key(name: str) -> str:
    return name.lower().replace("_", "-")


def header_values(value: Any) -> list[str]:
    """Return a header argument of the PDK as texts; an empty one becomes a blank (``normalize_multi_header``)."""
    items = value if isinstance(value, list) else [value]
    return [_escaped(tostring(item)) or " " for item in items]


def _escaped(text: str) -> str:
    """Escape what would end a header line, as lua-nginx-module does."""
    return _CONTROL.sub(lambda found: f"%{ord(found[0]):02X}", text)


class Headers:
    """An ordered multi-map of header names and values."""

    def __init__(self, items: Iterable[tuple[str, str]] = ()) -> None:
        self._items = list(items)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        return iter(list(self._items))

    def __contains__(self, name: str) -> bool:
        return bool(self.get_all(name))

    def get(self, name: str) -> str | None:
        """Return the first value of a header."""
        return next(iter(self.get_all(name)), None)

    def get_all(self, name: str) -> list[str]:
        """Return every value of a header."""
        key = _key(name)
        return [value for have, value in self._items if _key(have) == key]

    def set(self, name: str, value: Any) -> None:
        """Replace a header; a list sets it several times."""
        self.remove(name)
        self.add(name, value)

    def add(self, name: str, value: Any) -> None:
        """Add values beside those the header has."""
        self._items += [(_escaped(name), text) for text in header_values(value)]

    def update(self, headers: Mapping[str, Any]) -> None:
        """Replace each of the headers."""
        for name, value in headers.items():
            self.set(name, value)

    def remove(self, name: str) -> None:
        """Remove a header."""
        key = _key(name)
        self._items = [(have, value) for have, value in self._items if _key(have) != key]

    def copy(self) -> Headers:
        """Return an independent copy."""
        return Headers(self._items)

    def as_table(self, limit: int | None = None) -> dict[str, Any]:
        """Return the Lua table of ``get_headers``: lower-case names, a list where a name is repeated.

        Args:
            limit: at most that many header lines (Kong: 100 by default).
        """
        table: dict[str, Any] = {}
        for name, value in self._items[: 100 if limit is None else limit]:
            key = name.lower()
            if key not in table:
                table[key] = value
            elif isinstance(table[key], list):
                table[key].append(value)
            else:
                table[key] = [table[key], value]
        return table
