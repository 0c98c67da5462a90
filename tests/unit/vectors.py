"""Reads the records of Kong in ``tests/vectors`` (its README explains the files) as Python values."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

VECTORS = Path(__file__).parents[1] / "vectors"


class _LuaNull:
    """``ngx.null``, for tests where ``None`` is Lua's nil."""

    def __repr__(self) -> str:
        return "ngx.null"


NULL = _LuaNull()


def load_vectors(file: str, function: str | None = None, *, nil: Any = None, null: Any = NULL) -> list[dict[str, Any]]:
    """Return the cases of a file, decoded.

    Args:
        file: the file's stem ("references").
        function: only the cases that called this function of Kong.
        nil: what stands for Lua's nil.
        null: what stands for ``ngx.null``.
    """
    lines = (VECTORS / f"{file}.jsonl").read_text(encoding="utf-8").splitlines()
    cases = [decode_value(json.loads(line), nil=nil, null=null) for line in lines]
    return [case for case in cases if function is None or case["function"] == function]


def decode_value(value: Any, *, nil: Any = None, null: Any = NULL) -> Any:
    """Undo a value's encoding: ``$b64``, ``$num``, ``$lua``, ``$pairs``. Bytes become surrogate escapes."""
    if value is None:
        return nil
    if isinstance(value, list):
        return [decode_value(item, nil=nil, null=null) for item in value]
    if not isinstance(value, dict):
        return value
    if "$b64" in value:
        return base64.b64decode(value["$b64"]).decode("utf-8", "surrogateescape")
    if "$num" in value:
        return float(value["$num"])
    if "$lua" in value:
        return {"ngx.null": null, "function": decode_value}[value["$lua"]]
    pairs = value["$pairs"] if "$pairs" in value else value.items()
    return {decode_value(name, nil=nil, null=null): decode_value(item, nil=nil, null=null) for name, item in pairs}


def same(ours: Any, kongs: Any) -> bool:
    """Compare Lua values: true is not 1, an array is a table from 1 on; here nan is nan, and -0 is not 0."""
    if _is_table(ours) and _is_table(kongs):
        one, other = _as_table(ours), _as_table(kongs)
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if _is_number(ours) and _is_number(kongs):
        return repr(float(ours)) == repr(float(kongs))
    return type(ours) is type(kongs) and ours == kongs


def _is_table(value: Any) -> bool:
    return isinstance(value, (dict, list))


def _as_table(value: Any) -> dict[Any, Any]:
    return dict(enumerate(value, start=1)) if isinstance(value, list) else value


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)
