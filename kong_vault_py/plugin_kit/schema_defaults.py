"""Filling a plugin's config with the defaults of its Kong schema.

Kong does it before it hands a config over; plugins do it again, so that they also work where a config comes from a
test, from an older Kong or with nulls in it, and so that a default is declared once.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any

__all__ = ["with_defaults"]


def with_defaults(schema: Iterable[Mapping[str, Any]], config: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return a copy of ``config`` in which every field of ``schema`` is present.

    Args:
        schema: the fields as in a plugin's ``Schema``: one-entry mappings of name to Kong schema record.
        config: what Kong handed over; absent and null fields get their default, or ``None``.
    """
    filled = dict(config or {})
    for entry in schema:
        for name, field in entry.items():
            if field["type"] == "record":
                filled[name] = with_defaults(field["fields"], filled.get(name))
            elif filled.get(name) is None:
                filled[name] = copy.deepcopy(field.get("default"))
    return filled
