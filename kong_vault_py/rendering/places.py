"""What a format tells: where strings stand in a text, and how a new value is written in such a place."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from kong_vault_py.errors import ConfigError
from kong_vault_py.rendering.references import Filled

__all__ = ["Format", "Place", "SyntaxProblemError", "UnwritableError"]


class UnwritableError(ValueError):
    """A value that the format has no way to write; says why, without the value."""


class SyntaxProblemError(ConfigError):
    """The text is not of its format.

    Args:
        line: counted from 1; 0 where it can't be told.
        problem: what is wrong.
    """

    def __init__(self, line: int, problem: str) -> None:
        super().__init__(problem)
        self.line = line
        self.problem = problem


class Place(NamedTuple):
    """One string in a text.

    Attributes:
        start: where its source text begins, quotes included.
        end: behind its last character.
        value: what it says.
        style: how it is written, in the format's own words.
    """

    start: int
    end: int
    value: str
    style: str = ""


@dataclass(frozen=True)
class Format:
    """One file format.

    Attributes:
        places: yields the strings of a text in their order; raises :class:`SyntaxProblemError`.
        written: the new source text for a place, of its old source text and the filled value; raises
            :class:`UnwritableError`.
        utf8_only: secrets that are no text can't be written.
    """

    places: Callable[[str], Iterator[Place]]
    written: Callable[[Place, str, Filled], str]
    utf8_only: bool = False
