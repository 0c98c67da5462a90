"""Content types, compared as ``cacheable_response`` in ``kong/plugins/proxy-cache/handler.lua`` compares them."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

__all__ = ["MediaType"]

_WORD = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_TYPE = re.compile(rf"({_WORD})/({_WORD})|\*\Z|\*(?=[ \t]*;)")
_PARAMETER = re.compile(rf'[ \t]*;[ \t]*({_WORD})=(?:({_WORD})|"((?:[^"\\\x00-\x1f]|\\.)*)")')


@dataclass(frozen=True)
class MediaType:
    """A parsed ``type/subtype; name=value``; ``*`` stands for any type or subtype."""

    type: str
    subtype: str
    parameters: dict[str, str] = field(default_factory=dict)

    @classmethod
    def parse(cls, text: str) -> MediaType | None:
        """Return the media type, or ``None`` where the text is none."""
        text = text.strip()
        head = _TYPE.match(text)
        if head is None:
            return None
        parameters: dict[str, str] = {}
        position = head.end()
        while position < len(text):
            found = _PARAMETER.match(text, position)
            if found is None:
                return None
            name, token, quoted = found.groups()
            parameters[name.lower()] = token if quoted is None else quoted
            position = found.end()
        main, sub = head.groups()
        return cls((main or "*").lower(), (sub or "*").lower(), parameters)

    def covers(self, other: MediaType) -> bool:
        """Say whether a response of type ``other`` is meant; parameters must be the same, none more and none less."""
        return (
            self.type in ("*", other.type)
            and self.subtype in ("*", other.subtype)
            and self.parameters == other.parameters
        )
