"""Any other text: a reference is replaced by the value as it is, without quoting or escaping."""

from __future__ import annotations

from collections.abc import Iterator

from kong_vault_py.rendering.places import Format, Place
from kong_vault_py.rendering.references import Filled

__all__ = ["TEXT"]


def _places(text: str) -> Iterator[Place]:
    position = 0
    for line in text.split("\n"):
        yield Place(position, position + len(line), line)
        position += len(line) + 1


def _written(_place: Place, _raw: str, filled: Filled) -> str:
    return filled.text


TEXT = Format(_places, _written)
