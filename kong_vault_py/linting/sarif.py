"""Findings as SARIF 2.1.0, which GitHub, GitLab and editors show beside the code."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

from kong_vault_py.linting.finding import Finding
from kong_vault_py.linting.report import sentences
from kong_vault_py.linting.rules import RULES, Rule, Severity

__all__ = ["as_sarif"]

_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def as_sarif(findings: Sequence[Finding], version: str) -> str:
    """Return one SARIF log.

    Args:
        findings: what was found.
        version: of this package.
    """
    numbers = {rule: number for number, rule in enumerate(RULES)}
    driver = {
        "name": "kong-vault lint",
        "semanticVersion": version,
        "rules": [_rule(rule) for rule in RULES.values()],
    }
    results = [_result(found, numbers[found.rule.id]) for found in findings]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2)


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.name.replace("-", " ").capitalize() + "."},
        "fullDescription": {"text": rule.why},
        "help": {"text": rule.remedy},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
    }


def _result(found: Finding, number: int) -> dict[str, Any]:
    line, column = found.position
    end_line, end_column = found.source.position(found.end)
    region = {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}
    return {
        "ruleId": found.rule.id,
        "ruleIndex": number,
        "level": _LEVELS[found.rule.severity],
        "message": {"text": sentences(found)},
        "locations": [{"physicalLocation": {"artifactLocation": {"uri": _uri(found.source.name)}, "region": region}}],
    }


def _uri(name: str) -> str:
    """Return a path as a relative reference, or as a file URI where it is absolute."""
    name = "stdin" if name == "-" else name
    path = quote(name.encode("utf-8", "surrogateescape"), safe="/")
    return f"file://{path}" if name.startswith("/") else path
