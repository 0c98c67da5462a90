"""JSON: strings are replaced where they stand; layout, order and the other strings' escapes stay."""

from __future__ import annotations

import json
from collections.abc import Iterator
from json.decoder import scanstring  # type: ignore[attr-defined]  # typeshed leaves it out

from kong_vault_py.rendering.places import Format, Place, SyntaxProblemError
from kong_vault_py.rendering.references import Filled

__all__ = ["JSON"]


def _places(text: str) -> Iterator[Place]:
    try:
        json.loads(text.removeprefix("\ufeff"))
    except json.JSONDecodeError as error:
        raise SyntaxProblemError(error.lineno, f"not valid JSON: {error.msg}") from None
    except RecursionError:
        raise SyntaxProblemError(0, "nested too deeply") from None
    start = text.find('"')
    while start >= 0:
        value, end = scanstring(text, start + 1)
        yield Place(start, end, value)
        start = text.find('"', end)


def _written(_place: Place, raw: str, filled: Filled) -> str:
    new = filled.inside(raw, lambda value: json.dumps(value, ensure_ascii=False)[1:-1])
    return json.dumps(filled.text, ensure_ascii=False) if new is None else new


JSON = Format(_places, _written, utf8_only=True)
