"""Whether Kong would accept a value for a field of a vault's schema, and why not.

Follows ``Schema:validate_field`` of ``kong/db/schema/init.lua``, error texts included.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from typing import Any, Union

from kong_vault_py.dialect.lua_value import is_sequence, tostring, type_name
from kong_vault_py.reference import is_reference
from kong_vault_py.schema.field import Field
from kong_vault_py.schema.validators import first_problem

__all__ = ["Problem", "validate_field"]

#: Why a value won't do: Kong's text, or for elements and record fields the text of each wrong one, by index
#: (from 1) or name.
Problem = Union[str, "dict[int | str, Problem]"]

_REQUIRED = "required field missing"
_EXPECTED = {
    "array": "expected an array",
    "set": "expected a set",
    "map": "expected a map",
    "record": "expected a record",
    "string": "expected a string",
    "number": "expected a number",
    "integer": "expected an integer",
    "boolean": "expected a boolean",
}


def validate_field(field: Field, value: object) -> Problem | None:
    """Return why Kong would not accept the value for the field, ``None`` where it would.

    Args:
        field: the declaration.
        value: a Lua value; ``None`` is ``ngx.null``, which only a required field refuses.
    """
    if value is None:
        if field.eq is not None:
            return f"value must be {tostring(field.eq)}"
        return _REQUIRED if field.required else None
    problem = _type_problem(field, value)
    if problem is not None:
        return problem
    if field.type == "string" and field.referenceable and is_reference(value):
        return None
    return first_problem(field, value)


def _type_problem(field: Field, value: object) -> Problem | None:
    if field.type in ("array", "set"):
        valid = is_sequence(value)
    elif field.type in ("map", "record"):
        valid = type_name(value) == "table"
    elif field.type == "integer":
        valid = _is_integer(value)
    else:
        valid = type_name(value) == field.type
    if not valid:
        return _EXPECTED[field.type]
    if field.type in ("array", "set"):
        return _elements_problem(field, value)
    if field.type == "map":
        return _map_problem(field, value)
    return _record_problem(field, value) if field.type == "record" else None


def _is_integer(value: object) -> bool:
    return value.is_integer() if isinstance(value, float) else type_name(value) == "number"


def _pairs(table: Any) -> Iterator[tuple[int | str, object]]:
    return iter(table.items()) if isinstance(table, Mapping) else enumerate(table, start=1)


def _present(field: Field | None) -> Field:
    """Return the field of an element, key or value: null is none of them."""
    if field is None:
        raise ValueError("an array or set field needs elements, a map field keys and values")
    return field if field.required else dataclasses.replace(field, required=True)


def _elements_problem(field: Field, value: object) -> Problem | None:
    element = _present(field.elements)
    problems = {index: validate_field(element, item) for index, item in _pairs(value)}
    return {index: problem for index, problem in problems.items() if problem} or None


def _map_problem(field: Field, value: object) -> Problem | None:
    keys, values = _present(field.keys), _present(field.values)
    for key, item in _pairs(value):
        problem = validate_field(keys, key) or validate_field(values, item)
        if problem:
            return problem
    return None


def _record_problem(field: Field, value: object) -> Problem | None:
    declared = field.fields or {}
    given = dict(_pairs(value))
    problems: dict[int | str, Problem] = {}
    for name, item in given.items():
        known = declared.get(str(name))
        problem = validate_field(known, item) if known else "unknown field"
        if problem:
            problems[name] = problem
    for name, known in declared.items():
        if known.required and known.default is None and name not in given:
            problems[name] = _REQUIRED
    return problems or None
