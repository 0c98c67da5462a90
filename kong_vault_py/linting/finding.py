"""A finding: a rule, a place in a file, and what is wrong there in one line."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field

from kong_vault_py.linting.rules import RULES, Rule
from kong_vault_py.linting.source import Source

__all__ = ["Edit", "Finding", "Findings"]


@dataclass(frozen=True, slots=True)
class Edit:
    """A replacement of ``text[start:end]``, safe to make."""

    start: int
    end: int
    replacement: str


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong.

    Attributes:
        rule: which rule says so.
        source: the file.
        start: offset of the first character concerned.
        end: offset behind the last one.
        message: what is wrong, in one line that holds no value.
        remedy: what to do, in one line.
        edit: how to mend it, where that is safe.
    """

    rule: Rule
    source: Source = field(compare=False)
    start: int
    end: int
    message: str
    remedy: str
    edit: Edit | None = None

    @property
    def position(self) -> tuple[int, int]:
        """Line and column, from 1."""
        return self.source.position(self.start)


class Findings:
    """Collects the findings of a run, each once, but for those that a comment or the user silences."""

    def __init__(self, ignored: Collection[str] = ()) -> None:
        self._ignored = frozenset(ignored)
        self._found: dict[tuple[str, Finding], Finding] = {}

    def add(
        self,
        rule: str,
        source: Source,
        span: tuple[int, int],
        message: str,
        *,
        remedy: str | None = None,
        edit: Edit | None = None,
    ) -> None:
        """Add a finding; ``remedy`` where the rule's own is not exact enough."""
        if rule in self._ignored or source.ignores(rule, span[0]):
            return
        known = RULES[rule]
        made = Finding(known, source, *span, _one_line(message), _one_line(remedy or known.remedy), edit)
        self._found.setdefault((source.name, made), made)

    def in_order(self) -> list[Finding]:
        """Return the findings, file by file in the order in which they came, from top to bottom."""
        files = {name: number for number, name in enumerate(dict.fromkeys(name for name, _ in self._found))}
        return sorted(self._found.values(), key=lambda one: (files[one.source.name], one.start, one.rule.id))


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in text)
