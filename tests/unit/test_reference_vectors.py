"""What Kong's own code was recorded to say of 2253 references and near-references."""

from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import is_reference, parse_reference
from tests.unit.vectors import load_vectors, same

CASES = load_vectors("references")

# The inputs that were no text in Lua, by their Lua source.
LUA_VALUES: dict[str, Any] = {
    "42": 42, "1.5": 1.5, "true": True, "false": False, '{ "{vault://env/a}" }': ["{vault://env/a}"],
    "ngx.null": None, "function() end": lambda: None, "0/0": float("nan"), "0": 0, "-1": -1, "1e20": 1e20,
    "123456789012345": 123456789012345,
}  # fmt: skip


def given(case):
    value = case["input"]
    return LUA_VALUES[value["lua"]] if isinstance(value, dict) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_reference_vector(case):
    assert is_reference(given(case)) is case["is_reference"]
    if "output" in case:
        reference = parse_reference(given(case))
        ours = {name: getattr(reference, name) for name in case["output"]}
        assert same(ours, case["output"])
        return
    with pytest.raises(InvalidReferenceError) as caught:
        parse_reference(given(case))
    if "error" in case:
        assert str(caught.value) == case["error"]
    else:
        # An address follows in Lua.
        assert str(caught.value).startswith(case["error_prefix"])
