"""Why a reference means something else than it seems to: Kong's reading of it, told to a person.

Each rule is Kong's own behaviour, as ``reference.py`` has it and the recorded vectors show it.
"""

from __future__ import annotations

import re

from kong_vault_py.reference import Reference, parse_reference

__all__ = ["surprises"]

_ESCAPE = re.compile(r"%[0-9A-Fa-f]{2}")
_LONE_PERCENT = re.compile(r"%(?![0-9A-Fa-f]{2})")


def surprises(text: str) -> list[str]:
    """Return what one may not expect of a valid reference, a sentence each; nothing for a plain one.

    Raises:
        InvalidReferenceError: the text is no reference; the message is Kong's.
    """
    reference = parse_reference(text)
    inside = text[1:-1]
    url, _, fragment = inside.partition("#")
    url, _, query = url.partition("?")
    authority, _, path = url[len("vault://") :].partition("/")
    told = [*_of_the_name(authority, reference), *_of_the_path(path, reference)]
    if query:
        told += _of_the_query(query)
    if fragment and not fragment.isdigit():
        told.append(f"'#{fragment}' is read as Lua reads a number: version {reference.version!r}.")
    return told


def _of_the_name(authority: str, reference: Reference) -> list[str]:
    if authority == reference.name:
        return []
    return [f"the vault is '{reference.name}': a user before '@', a port behind ':' and brackets are dropped."]


def _of_the_path(path: str, reference: Reference) -> list[str]:
    told = []
    path, semicolon, parameters = path.partition(";")
    if semicolon:
        told.append(f"';{parameters}' is dropped: a semicolon ends the path; write it as %3B.")
    if "//" in path or path.startswith("/"):
        told.append("empty segments of the path are dropped.")
    if reference.key is not None:
        told.append(
            f"the last segment, '{reference.key}', is a key inside the secret '{reference.resource}'; "
            "for a secret of that whole name end the path with '/'."
        )
    elif path.endswith("/"):
        told.append(f"the '/' at the end makes it the whole secret '{reference.resource}', without a key.")
    if _ESCAPE.search(path):
        told.append("escapes are decoded twice: %2F is a slash in the name, %252F too, and a percent sign is %2525.")
    if _LONE_PERCENT.search(path):
        told.append("a percent sign without two hexadecimal digits stays as it is.")
    if "+" in path:
        told.append("a plus sign is a space; write it as %252B.")
    return told


def _of_the_query(query: str) -> list[str]:
    told = []
    if "{" in query or "vault:" in query:
        told.append("a reference in the query is not resolved.")
    pairs = [pair.partition("=") for pair in query.split("&")]
    names = [name for name, _, _ in pairs if name]
    if flags := [name for name, equals, _ in pairs if name and not equals]:
        told.append(f"without '=' an override is the boolean true: {', '.join(flags)}.")
    if len(set(names)) < len(names):
        told.append("an override that is given twice is a list of both values.")
    if any(not name for name, _, _ in pairs):
        told.append("overrides without a name are dropped.")
    return told
