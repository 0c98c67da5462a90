"""Rules about YAML itself: what a file says to a parser, where its author meant something else."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.linting.finding import Edit, Findings
from kong_vault_py.linting.source import Source
from kong_vault_py.linting.yaml_tree import Mapping, Node, Scalar, Sequence
from kong_vault_py.reference import is_reference, parse_reference

__all__ = ["check_broken", "check_structure", "is_bare_reference"]

_UNQUOTED_LINE = re.compile(r"(?:^|[:\-,\[])[ \t]+(\{vault://[^\s{}\"'\\]+\})(?=[ \t]*(?:\r?$|[ \t]#))", re.MULTILINE)
_CUT_LINE = re.compile(r"\{vault://[^\s{}\"'\\]*[ \t]+#[^\r\n]{0,200}\}")
_START = "{vault://"
_UNQUOTED = "the reference is not quoted: its braces make it a YAML mapping"
_UNCUT = "Remove the blank, and put it in double quotes."
_CUT = "YAML takes the blank and # for a comment: version and brace of the reference are cut off"


def is_bare_reference(source: Source, node: Node) -> bool:
    """Tell whether a node is a reference that lacks its quotes, and so became a mapping."""
    return isinstance(node, Mapping) and node.flow and source.text.startswith(_START, node.start)


def check_broken(source: Source, findings: Findings) -> None:
    """Look for the quoting traps in a text that is no YAML: they are the likely reason."""
    for found in _UNQUOTED_LINE.finditer(source.text, source.start):
        findings.add("KV017", source, found.span(1), _UNQUOTED, edit=_quoted(source, *found.span(1)))
    for found in _CUT_LINE.finditer(source.text, source.start):
        findings.add("KV018", source, found.span(), _CUT, remedy=_UNCUT)


def check_structure(source: Source, documents: Iterable[Node], findings: Findings) -> None:
    """Look at every node once, whatever it means to Kong."""
    seen: set[int] = set()
    todo: list[Node] = list(documents)
    while todo:
        node = todo.pop()
        if id(node) in seen:
            continue
        seen.add(id(node))
        if isinstance(node, Scalar):
            _check_cut(source, node, findings)
        elif isinstance(node, Sequence):
            todo.extend(node.items)
        elif is_bare_reference(source, node):
            span = (node.start, node.end)
            findings.add("KV017", source, span, _UNQUOTED, edit=_quoted(source, *span))
        else:
            _check_keys(source, node, findings)
            todo.extend(value for _, value in node.pairs)


def _check_keys(source: Source, node: Mapping, findings: Findings) -> None:
    seen: set[str] = set()
    for key, _ in node.pairs:
        if is_bare_reference(source, key) or (isinstance(key, Scalar) and _START in key.text):
            findings.add("KV016", source, (key.start, key.end), "a reference in a key")
        elif isinstance(key, Scalar):
            if key.text in seen and key.text != "<<":
                findings.add("KV002", source, (key.start, key.end), "this key stands twice in the same mapping")
            seen.add(key.text)


def _check_cut(source: Source, node: Scalar, findings: Findings) -> None:
    if node.style is None and _START in node.text and "}" not in node.text.rpartition(_START)[2]:
        rest = source.text[node.end : source.line_end(node.end)]
        if re.match(r"[ \t]+#.*\}", rest):
            findings.add("KV018", source, (node.start, node.end + len(rest)), _CUT, remedy=_UNCUT)


def _quoted(source: Source, start: int, end: int) -> Edit | None:
    """Return the edit that puts quotes around, if what is there is a sound reference on its own."""
    text = source.text[start:end]
    if not is_reference(text) or re.search(r"[\s\"\\]", text) or source.text[end : end + 1] == "#":
        return None
    try:
        parse_reference(text)
    except InvalidReferenceError:
        return None
    return Edit(start, end, f'"{text}"')
