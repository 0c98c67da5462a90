"""Findings as lines for a terminal, as JSON, and as commands to GitHub's runner."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from typing import Any

from kong_vault_py.linting.finding import Finding
from kong_vault_py.linting.rules import Severity

__all__ = ["as_github", "as_json", "as_text", "sentences", "summary"]

_COLOURS = {Severity.ERROR: "31", Severity.WARNING: "33", Severity.NOTE: "36"}
_GITHUB = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "notice"}


def as_text(findings: Sequence[Finding], *, colour: bool = False) -> list[str]:
    """Return a line for each finding: where, how bad, which rule, what, and what to do."""
    lines = []
    for found in findings:
        line, column = found.position
        word = found.rule.severity.word
        shown = f"\x1b[{_COLOURS[found.rule.severity]}m{word}\x1b[0m" if colour else word
        name = _printable(found.source.name)
        lines.append(f"{name}:{line}:{column}: {shown} {found.rule.id}: {sentences(found)}")
    return lines


def summary(findings: Sequence[Finding], files: int) -> str:
    """Return one line that counts."""
    counted = Counter(found.rule.severity for found in findings)
    parts = [_count(counted[severity], severity.word) for severity in sorted(Severity, reverse=True)]
    return f"{', '.join(parts)} in {_count(files, 'file')}"


def as_json(findings: Sequence[Finding], files: int) -> str:
    """Return all as one JSON object."""
    counted = Counter(found.rule.severity for found in findings)
    report = {
        "files": files,
        "counts": {severity.word: counted[severity] for severity in sorted(Severity, reverse=True)},
        "findings": [_plain(found) for found in findings],
    }
    return json.dumps(report, indent=2)


def as_github(findings: Sequence[Finding]) -> list[str]:
    """Return workflow commands: each becomes an annotation at its line."""
    lines = []
    for found in findings:
        line, column = found.position
        end_line, end_column = found.source.position(found.end)
        place = {
            "file": found.source.name.encode("utf-8", "surrogateescape").decode("utf-8", "replace"),
            "line": line,
            "endLine": end_line,
            "col": column,
        }
        if end_line == line:
            place["endColumn"] = end_column
        place["title"] = f"{found.rule.id} {found.rule.name}"
        properties = ",".join(f"{key}={_property(str(value))}" for key, value in place.items())
        message = _data(sentences(found))
        lines.append(f"::{_GITHUB[found.rule.severity]} {properties}::{message}")
    return lines


def sentences(found: Finding) -> str:
    """Return what is wrong and what to do, in one line."""
    stop = "" if found.message.endswith("?") else "."
    return f"{found.message}{stop} {found.remedy}"


def _plain(found: Finding) -> dict[str, Any]:
    line, column = found.position
    end_line, end_column = found.source.position(found.end)
    return {
        "rule": found.rule.id,
        "name": found.rule.name,
        "severity": found.rule.severity.word,
        "file": found.source.name,
        "line": line,
        "column": column,
        "end_line": end_line,
        "end_column": end_column,
        "message": found.message,
        "why": found.rule.why,
        "remedy": found.remedy,
        "fixable": found.edit is not None,
    }


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number} {word}s"


def _printable(name: str) -> str:
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in name)
