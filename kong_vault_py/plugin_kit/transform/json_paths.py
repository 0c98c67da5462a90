"""Names of JSON members: as they stand, or as paths into objects and arrays (``dots_in_keys`` off).

``top.sub`` is a member of an object, ``list[2]`` the second element of an array, ``list[*]`` each of them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

__all__ = ["Place", "find_places"]

_PART = re.compile(r"([^.\[\]]+)((?:\[(?:\*|[1-9][0-9]{0,8})\])*)")
_INDEX = re.compile(r"\[([^\]]+)\]")
_EACH = "*"


class Place(NamedTuple):
    """Where a member is, or would be.

    Attributes:
        container: the object or array that holds it.
        key: its name there, or its index from 0.
    """

    container: Any
    key: Any

    @property
    def exists(self) -> bool:
        """Whether something is there."""
        if isinstance(self.container, dict):
            return self.key in self.container
        return bool(0 <= self.key < len(self.container))


def find_places(document: dict[str, Any], name: str, *, dots_in_keys: bool, make: bool = False) -> list[Place]:
    """Return the places that a name means, the last ones of an array first, so that they can be taken out in turn.

    Args:
        document: the body's object.
        name: a member's name, or a path.
        dots_in_keys: dots and brackets are part of names.
        make: make objects on the way that are missing; arrays are not made.
    """
    steps = None if dots_in_keys else _steps(name)
    if steps is None:
        return [Place(document, name)]
    return list(_walk(document, steps, make=make))[::-1]


def _steps(name: str) -> Sequence[str | int] | None:
    """Return names and indexes (from 0, -1 for each), ``None`` for a text that is no path."""
    steps: list[str | int] = []
    for part in name.split("."):
        found = _PART.fullmatch(part)
        if found is None:
            return None
        steps.append(found[1])
        steps += [-1 if index == _EACH else int(index) - 1 for index in _INDEX.findall(found[2])]
    return steps


def _walk(within: Any, steps: Sequence[str | int], *, make: bool) -> Iterator[Place]:
    step, rest = steps[0], steps[1:]
    if not isinstance(within, dict if isinstance(step, str) else list):
        return
    container: Any = within
    keys = range(len(container)) if step == -1 else (step,)
    for key in keys:
        place = Place(container, key)
        if not rest:
            yield place
            continue
        if make and not place.exists and isinstance(key, str) and isinstance(rest[0], str):
            container[key] = {}
        if place.exists:
            yield from _walk(container[key], rest, make=make)
