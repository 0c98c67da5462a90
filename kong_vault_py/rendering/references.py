"""References in a text, and which of them are wanted."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import find_references, is_reference, parse_reference

__all__ = ["Filled", "Prefixes", "split"]

_START = "{vault://"
_NAME = re.compile(r"\{vault://([^/?#}]*)")


@dataclass(frozen=True)
class Prefixes:
    """Which references are ours to replace, by the vault's name in them.

    Attributes:
        only: these, empty for all.
        excluded: not these.
    """

    only: frozenset[str] = frozenset()
    excluded: frozenset[str] = frozenset()

    def want(self, reference: str) -> bool:
        """Say whether a reference is to be replaced."""
        if not self.only and not self.excluded:
            return True
        try:
            name = parse_reference(reference).name
        except InvalidReferenceError:
            found = _NAME.match(reference)
            name = found[1] if found else ""
        return name not in self.excluded and (not self.only or name in self.only)


def split(text: str, prefixes: Prefixes) -> tuple[str, ...]:
    """Cut a string into literal text and wanted references, alternating: text, reference, text, ...

    A string that is a reference to Kong as a whole is one, unless two stand in it side by side.
    """
    if _START not in text:
        return (text,)
    spans = find_references(text)
    if is_reference(text) and len(spans) < 2:
        spans = [(0, len(text))]
    parts, end = [], 0
    for start, stop in spans:
        if prefixes.want(text[start:stop]):
            parts += [text[end:start], text[start:stop]]
            end = stop
    return (*parts, text[end:])


@dataclass(frozen=True)
class Filled:
    """A string cut by :func:`split`, with its secrets.

    Attributes:
        parts: text, reference, text, ...
        values: reference -> plaintext.
    """

    parts: tuple[str, ...]
    values: Mapping[str, str] = field(repr=False)

    @property
    def text(self) -> str:
        """The string with its references replaced."""
        return "".join(self.values[part] if odd % 2 else part for odd, part in enumerate(self.parts))

    @property
    def fills(self) -> list[str]:
        """The values in the order of their references."""
        return [self.values[part] for part in self.parts[1::2]]

    def inside(self, raw: str, escape: Callable[[str], str]) -> str | None:
        """Replace the references in the string's source text, and nothing else there.

        Args:
            raw: the string as the file writes it, escapes and all.
            escape: how a value is written there.

        Returns:
            ``None`` where a reference is not written in plain in ``raw``, or a kept one is among them.
        """
        wanted = self.parts[1::2]
        if raw.count(_START) != len(wanted):
            return None
        pieces, end = [], 0
        for reference in wanted:
            start = raw.find(reference, end)
            if start < 0:
                return None
            pieces += [raw[end:start], escape(self.values[reference])]
            end = start + len(reference)
        return "".join([*pieces, raw[end:]])
