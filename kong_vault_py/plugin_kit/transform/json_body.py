"""JSON bodies: the rules applied to the members of the top object."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["change_json"]


def change_json(body: bytes, rules: Rules) -> bytes | None:
    """Return the changed body, ``None`` where there is nothing to change: no rule applies, or no JSON object.

    Values that rules bring are strings. Appending makes an array of a single value. An empty body counts as ``{}``.

    Args:
        body: the body as sent.
        rules: what to do.
    """
    try:
        members = json.loads(body, parse_constant=_refuse) if body else {}
    except ValueError:
        return None
    if not isinstance(members, dict) or not _change(members, rules):
        return None
    try:
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # A number too large for us (1e999) can't be written back as it was.
        return None
    return text.encode("utf-8", "surrogateescape")


def _change(members: dict[str, Any], rules: Rules) -> bool:
    changed = False
    for name in rules.remove:
        if name in members:
            del members[name]
            changed = True
    for old, new in rules.rename:
        if old != new and old in members:
            members[new] = members.pop(old)
            changed = True
    for name, value in rules.replace:
        if name in members:
            members[name] = value
            changed = True
    for name, value in rules.add:
        if name not in members:
            members[name] = value
            changed = True
    for name, value in rules.append:
        present = members.get(name, [])
        members[name] = [*present, value] if isinstance(present, list) else [present, value]
        changed = True
    return changed


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
