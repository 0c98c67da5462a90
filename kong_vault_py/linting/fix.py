"""Making the edits that findings propose, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable

from kong_vault_py.linting.finding import Edit, Finding

__all__ = ["fixed"]


def fixed(text: str, findings: Iterable[Finding]) -> str:
    """Return a file's text with the edits of its findings made; the rest is as it was.

    Edits that overlap an earlier one are left for the next run.
    """
    pieces: list[str] = []
    end = 0
    for edit in _edits(findings):
        if edit.start >= end:
            pieces += [text[end : edit.start], edit.replacement]
            end = edit.end
    return "".join([*pieces, text[end:]])


def _edits(findings: Iterable[Finding]) -> list[Edit]:
    edits = {finding.edit for finding in findings if finding.edit is not None}
    return sorted(edits, key=lambda edit: (edit.start, edit.end))
