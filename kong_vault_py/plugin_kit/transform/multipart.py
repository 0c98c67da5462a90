"""Multipart form bodies: whole parts removed, renamed, replaced or added; all other parts stay byte for byte."""

from __future__ import annotations

import re

from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["change_multipart"]

_BOUNDARY = re.compile(r'boundary=(?:"([^"]+)"|([^\s;,]+))', re.IGNORECASE)
_DISPOSITION = re.compile(rb"^content-disposition:[^\r\n]*", re.IGNORECASE | re.MULTILINE)
_NAME = re.compile(rb'(;[ \t]*name=)(?:"((?:[^"\\\r\n]|\\.)*)"|([^\s;"]+))', re.IGNORECASE)

Part = tuple["str | None", bytes]


def change_multipart(body: bytes, content_type: str, rules: Rules) -> bytes | None:
    """Return the changed body, ``None`` where there is nothing to change: no rule applies, or no multipart body.

    ``append`` doesn't apply to multipart bodies, as in Kong. A renamed part keeps its file name and type.

    Args:
        body: the body as sent.
        content_type: the request's Content-Type, for its boundary.
        rules: what to do.
    """
    found = _BOUNDARY.search(content_type)
    if found is None:
        return None
    delimiter = b"--" + (found[1] or found[2]).encode("utf-8", "surrogateescape")
    parts = _split(body, delimiter)
    if parts is None:
        return None
    changed = _changed(parts, rules)
    return None if changed == parts else _joined(changed, delimiter)


def _split(body: bytes, delimiter: bytes) -> list[Part] | None:
    """Cut a body into its parts, each with its name; ``None`` for a body that is cut off or no multipart."""
    if not body:
        return []
    _, *chunks = (b"\r\n" + body).split(b"\r\n" + delimiter)
    if not chunks or not chunks[-1].startswith(b"--"):
        return None
    parts = []
    for chunk in chunks[:-1]:
        if not chunk.lstrip(b" \t").startswith(b"\r\n"):
            return None
        part = chunk.lstrip(b" \t")[2:]
        parts.append((_name(part), part))
    return parts


def _joined(parts: list[Part], delimiter: bytes) -> bytes:
    return b"".join(delimiter + b"\r\n" + part + b"\r\n" for _, part in parts) + delimiter + b"--\r\n"


def _changed(parts: list[Part], rules: Rules) -> list[Part]:
    removed = set(rules.remove)
    parts = [(name, part) for name, part in parts if name not in removed and (not rules.allow or name in rules.allow)]
    for old, new in rules.rename:
        if old != new and any(name == old for name, _ in parts):
            parts = [(new, _renamed(part, new)) if name == old else (name, part) for name, part in parts if name != new]
    for name, value in rules.replace:
        places = [index for index, (known, _) in enumerate(parts) if known == name]
        if places:
            parts[places[0]] = (name, _written(name, value))
            parts = [part for index, part in enumerate(parts) if index not in places[1:]]
    for name, value in rules.add:
        if all(name != known for known, _ in parts):
            parts.append((name, _written(name, value)))
    return parts


def _name(part: bytes) -> str | None:
    found = _name_in(part)
    if found is None:
        return None
    text = re.sub(rb"\\(.)", rb"\1", found[2]) if found[2] is not None else found[3]
    return text.decode("utf-8", "surrogateescape")


def _name_in(part: bytes) -> re.Match[bytes] | None:
    head, _, _ = part.partition(b"\r\n\r\n")
    disposition = _DISPOSITION.search(head)
    return _NAME.search(part, disposition.start(), disposition.end()) if disposition else None


def _renamed(part: bytes, new: str) -> bytes:
    found = _name_in(part)
    return part if found is None else part[: found.start()] + found[1] + _quoted(new) + part[found.end() :]


def _written(name: str, value: str) -> bytes:
    head = b"Content-Disposition: form-data; name=" + _quoted(name)
    return head + b"\r\n\r\n" + value.encode("utf-8", "surrogateescape")


def _quoted(name: str) -> bytes:
    escaped = re.sub(r'(["\\])', r"\\\1", name).replace("\r", "").replace("\n", "")
    return b'"' + escaped.encode("utf-8", "surrogateescape") + b'"'
