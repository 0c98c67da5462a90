"""What a Kong schema can demand of a value of the right type: ``Schema.validators`` of ``kong/db/schema/init.lua``.

Each validator returns Kong's error text, or ``None`` where the schema doesn't ask or the value will do.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from kong_vault_py.dialect.lua_pattern import compile_pattern
from kong_vault_py.dialect.lua_value import to_bytes, tostring
from kong_vault_py.schema.field import Field
from kong_vault_py.schema.hostname import host_problem

__all__ = ["first_problem"]

_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE)


def first_problem(field: Field, value: object) -> str | None:
    """Return the first thing wrong with a value that is of the field's type, ``None`` where all is well."""
    return next((problem for validator in _VALIDATORS if (problem := validator(field, value))), None)


def _equal(one: object, other: object) -> bool:
    """Compare as Lua does, where ``1 == true`` is false."""
    return isinstance(one, bool) == isinstance(other, bool) and one == other


def _listed(options: Sequence[object]) -> str:
    return ", ".join(tostring(option) for option in options)


def _eq(field: Field, value: object) -> str | None:
    if field.eq is None or _equal(value, field.eq):
        return None
    return f"value must be {tostring(field.eq)}"


def _not_one_of(field: Field, value: object) -> str | None:
    if field.not_one_of is None or not any(_equal(value, option) for option in field.not_one_of):
        return None
    return f"must not be one of: {_listed(field.not_one_of)}"


def _one_of(field: Field, value: object) -> str | None:
    if field.one_of is None or any(_equal(value, option) for option in field.one_of):
        return None
    return f"expected one of: {_listed(field.one_of)}"


def _gt(field: Field, value: Any) -> str | None:
    return None if field.gt is None or value > field.gt else f"value must be greater than {tostring(field.gt)}"


def _uuid(field: Field, value: Any) -> str | None:
    return None if not field.uuid or _UUID.fullmatch(value) else "expected a valid UUID"


def _between(field: Field, value: Any) -> str | None:
    # Said with "<" and ">", so that nan passes as it does in Kong.
    if field.between is None or not (value < field.between[0] or value > field.between[1]):
        return None
    low, high = field.between
    return f"value should be between {tostring(low)} and {tostring(high)}"


def _length(field: Field, value: Any) -> str | None:
    # Kong takes "" for no value, unless the schema says len_min = 0.
    minimum = 1 if field.len_min is None and field.type == "string" else field.len_min
    if minimum is None and field.len_max is None:
        return None
    length = len(to_bytes(value)) if isinstance(value, str) else len(value)
    if minimum is not None and length < minimum:
        return f"length must be at least {minimum}"
    if field.len_max is not None and length > field.len_max:
        return f"length must be at most {field.len_max}"
    return None


def _starts_with(field: Field, value: Any) -> str | None:
    if field.starts_with is None or value.startswith(field.starts_with):
        return None
    return f"should start with: {field.starts_with}"


def _match(field: Field, value: Any) -> str | None:
    if field.match is None or compile_pattern(field.match).search(to_bytes(value)):
        return None
    return f"invalid value: {value}"


def _host(field: Field, value: Any) -> str | None:
    return host_problem(value) if field.host else None


# In the order of Schema.validators_order: the first problem is the one told.
_VALIDATORS: tuple[Callable[[Field, Any], str | None], ...] = (
    _eq,
    _not_one_of,
    _one_of,
    _gt,
    _uuid,
    _between,
    _length,
    _starts_with,
    _match,
    _host,
)
