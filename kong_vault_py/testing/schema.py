"""Plugin schemas as Kong applies them: defaults, then types and the common validators (``kong/db/schema/init.lua``).

Entity checks, custom validators and shorthand fields are not simulated.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from kong_vault_py.dialect.lua_value import tostring
from kong_vault_py.errors import ConfigError
from kong_vault_py.reference import is_reference

__all__ = ["complete", "config_fields", "fields_of", "validate"]

Field = Mapping[str, Any]
_MISSING = object()


def config_fields(info: Mapping[str, Any]) -> list[Mapping[str, Field]]:
    """Return the config's fields of one plugin of a dump (the ``config`` record of its schema).

    Raises:
        ConfigError: the dump's schema has no config record.
    """
    for entry in info.get("Schema", {}).get("fields", []):
        if "config" in entry:
            fields = entry["config"].get("fields", [])
            return list(fields)
    raise ConfigError(f"the schema of plugin {info.get('Name')!r} has no config record: check the server's dump")


def fields_of(fields: list[Mapping[str, Field]]) -> Iterator[tuple[str, Field]]:
    """Yield the name and definition of each field of a record."""
    for entry in fields:
        yield from entry.items()


def complete(fields: list[Mapping[str, Field]], record: Mapping[str, Any]) -> dict[str, Any]:
    """Return a record with the schema's defaults where it has no value of its own (``process_auto_fields``)."""
    whole = copy.deepcopy(dict(record))
    for name, field in fields_of(fields):
        value = whole[name] if name in whole else _default(field)
        if value is not _MISSING:
            whole[name] = _nested(field, value)
    return whole


def _default(field: Field) -> Any:
    if "default" in field:
        return copy.deepcopy(field["default"])
    if not field.get("required"):
        return None
    return {} if field["type"] == "record" else _MISSING


def _nested(field: Field, value: Any) -> Any:
    if value is None:
        return None
    kind = field["type"]
    if kind == "record" and isinstance(value, Mapping):
        return complete(field["fields"], value)
    if kind in ("array", "set") and isinstance(value, list):
        items = [_nested(field["elements"], item) for item in value]
        return [item for index, item in enumerate(items) if kind == "array" or item not in items[:index]]
    if kind == "map" and isinstance(value, Mapping):
        return {key: _nested(field["values"], item) for key, item in value.items()}
    return value


def validate(fields: list[Mapping[str, Field]], record: Mapping[str, Any], path: str = "config") -> None:
    """Check a completed record.

    Raises:
        ConfigError: ``schema violation (config.port: expected an integer)`` and the like, as Kong words it.
    """
    known = dict(fields_of(fields))
    for name in record:
        if name not in known:
            raise _violation(f"{path}.{name}", "unknown field")
    for name, field in known.items():
        _check(field, record.get(name), f"{path}.{name}")


def _violation(path: str, problem: str) -> ConfigError:
    return ConfigError(f"schema violation ({path}: {problem})")


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


_TYPES: dict[str, tuple[Callable[[Any], bool], str]] = {
    "string": (lambda value: isinstance(value, str), "expected a string"),
    "number": (_is_number, "expected a number"),
    "integer": (lambda value: _is_number(value) and value == int(value), "expected an integer"),
    "boolean": (lambda value: isinstance(value, bool), "expected a boolean"),
    "array": (lambda value: isinstance(value, list), "expected an array"),
    "set": (lambda value: isinstance(value, list), "expected a set"),
    "map": (lambda value: isinstance(value, Mapping), "expected a map"),
    "record": (lambda value: isinstance(value, Mapping), "expected a record"),
}


def _check(field: Field, value: Any, path: str) -> None:
    if value is None:
        if field.get("required"):
            raise _violation(path, "required field missing")
        return
    kind = field["type"]
    if kind not in _TYPES:
        raise _violation(path, f"invalid type: {kind}")
    accepts, expected = _TYPES[kind]
    if not accepts(value):
        raise _violation(path, expected)
    _check_inside(field, value, path)
    if kind == "string" and field.get("referenceable") and is_reference(value):
        return
    problem = _problem(field, value)
    if problem:
        raise _violation(path, problem)


def _check_inside(field: Field, value: Any, path: str) -> None:
    kind = field["type"]
    if kind == "record":
        validate(field["fields"], value, path)
    elif kind in ("array", "set"):
        for index, item in enumerate(value, 1):
            _check(field["elements"], item, f"{path}[{index}]")
    elif kind == "map":
        for key, item in value.items():
            _check(field.get("keys", {"type": "string"}), key, path)
            _check(field["values"], item, f"{path}.{key}")


def _problem(field: Field, value: Any) -> str | None:
    """Return what a validator of the field has against the value."""
    low, high = field.get("between", (None, None))
    if low is not None and not low <= value <= high:
        return f"value should be between {low} and {high}"
    if "gt" in field and not value > field["gt"]:
        return f"value must be greater than {tostring(field['gt'])}"
    if "one_of" in field and value not in field["one_of"]:
        return "expected one of: " + ", ".join(tostring(option) for option in field["one_of"])
    if "not_one_of" in field and value in field["not_one_of"]:
        return "must not be one of: " + ", ".join(tostring(option) for option in field["not_one_of"])
    if "starts_with" in field and not value.startswith(field["starts_with"]):
        return f"should start with: {field['starts_with']}"
    if field.get("uuid") and not re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", value, re.IGNORECASE):
        return "expected a valid UUID"
    return _length_problem(field, value)


def _length_problem(field: Field, value: Any) -> str | None:
    if not isinstance(value, (str, list, Mapping)):
        return None
    length = len(value)
    minimum = field.get("len_min", 1 if field["type"] == "string" else 0)
    if "len_eq" in field and length != field["len_eq"]:
        return f"length must be {field['len_eq']}"
    if length < minimum:
        return f"length must be at least {minimum}"
    if "len_max" in field and length > field["len_max"]:
        return f"length must be at most {field['len_max']}"
    return None
