"""A file's text, with what turns an offset into line and column, and the comments that silence a rule."""

from __future__ import annotations

import bisect
import re
from functools import cached_property

__all__ = ["Source"]

_IGNORE = re.compile(r"#[ \t]*kong-vault:[ \t]*ignore\b([^\n]*)")
_RULE_ID = re.compile(r"KV\d{3}")
_BOM = "\ufeff"


class Source:
    """One file as read.

    Args:
        name: the path as the user gave it, for messages.
        text: the whole text, byte order mark included.
    """

    def __init__(self, name: str, text: str) -> None:
        self.name = name
        self.text = text
        #: Where the content begins: behind a byte order mark.
        self.start = len(_BOM) if text.startswith(_BOM) else 0

    @property
    def content(self) -> str:
        """The text without its byte order mark; offsets in it are short by ``start``."""
        return self.text[self.start :]

    @cached_property
    def _line_starts(self) -> list[int]:
        return [self.start, *(found.end() for found in re.finditer(r"\r\n|\n|\r", self.text))]

    def position(self, offset: int) -> tuple[int, int]:
        """Return line and column of an offset, both from 1; columns count characters."""
        line = bisect.bisect_right(self._line_starts, max(offset, self.start))
        return line, max(offset, self.start) - self._line_starts[line - 1] + 1

    def line_end(self, offset: int) -> int:
        """Return the offset of the end of the line that ``offset`` is in, its line end not included."""
        found = re.compile(r"[\r\n]").search(self.text, offset)
        return found.start() if found else len(self.text)

    def ignores(self, rule: str, offset: int) -> bool:
        """Tell whether a comment silences a rule there: on the same line, or alone on the line above."""
        if not self._ignored:
            return False
        return rule in self._ignored.get(self.position(offset)[0], ())

    @cached_property
    def _ignored(self) -> dict[int, set[str]]:
        ignored: dict[int, set[str]] = {}
        for found in _IGNORE.finditer(self.text):
            line, column = self.position(found.start())
            alone = not self.text[self._line_starts[line - 1] : found.start()].strip() if column > 1 else True
            ignored.setdefault(line + 1 if alone else line, set()).update(_RULE_ID.findall(found[1]))
        return ignored
