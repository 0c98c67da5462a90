"""From text to typed config as Kong infers it: query overrides, ``vault_<name>_<option>`` settings, hashes.

Follows ``infer_value`` of ``kong/api/arguments.lua`` and ``get_vault_config_and_hash`` and
``get_vault_name_and_config_by_name`` of ``kong/pdk/vault.lua``. ``None`` is ``ngx.null``,
an absent key is nil.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from kong_vault_py.dialect.lua_number import tonumber
from kong_vault_py.dialect.lua_value import to_bytes, tostring, type_name
from kong_vault_py.schema.field import Field
from kong_vault_py.schema.validation import Problem, validate_field

__all__ = [
    "Field",
    "Problem",
    "config_by_name",
    "config_hash",
    "infer_value",
    "merge_overrides",
    "validate_field",
]


def infer_value(field: Field, value: object) -> object:
    """Return the value in the field's type where its text can be read as one, else the value unchanged.

    ``""`` and ``None`` become ``None``. The argument is never changed; tables come back as copies.
    """
    if value is False:
        return value
    if value is None or value == "":
        return None
    if isinstance(value, str):
        return _infer_text(field, value)
    if field.type in ("array", "set"):
        table = value if type_name(value) == "table" else [value]
        return _infer_items(table, lambda name: field.elements if isinstance(name, int) else None)
    if type_name(value) == "table" and field.type == "map":
        return _infer_items(value, lambda _name: field.values)
    if type_name(value) == "table" and field.type == "record":
        return _infer_items(value, (field.fields or {}).get)
    return value


def _infer_text(field: Field, text: str) -> object:
    if field.type in ("number", "integer"):
        number = tonumber(text)
        return text if number is None else number
    if field.type == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if field.type in ("array", "set"):
        return [text if field.elements is None else infer_value(field.elements, text)]
    return text


def _infer_items(table: Any, field_of: Callable[[Any], Field | None]) -> object:
    def inferred(name: object, item: object) -> object:
        field = field_of(name)
        return item if field is None else infer_value(field, item)

    if isinstance(table, Mapping):
        return {name: inferred(name, item) for name, item in table.items()}
    return [inferred(index, item) for index, item in enumerate(table, start=1)]


def merge_overrides(
    fields: Mapping[str, Field], base: Mapping[str, object], overrides: Mapping[str, object] | None = None
) -> dict[str, object]:
    """Return the strategy config of a reference: a vault entity's config with the reference's query on top.

    As in Kong, an override that fails validation takes the base value with it, ``False`` never overrides, and
    unknown names are dropped.

    Args:
        fields: the strategy's schema, in its order.
        base: the vault entity's config, or :func:`config_by_name`.
        overrides: ``Reference.config``.
    """
    overrides = overrides or {}
    config: dict[str, object] = {}
    for name, field in fields.items():
        source = overrides if overrides.get(name, False) is not False else base
        if name not in source:
            continue
        value = infer_value(field, source[name])
        if validate_field(field, value) is None:
            config[name] = value
    return config


def config_hash(strategy_name: str, fields: Iterable[str], config: Mapping[str, object]) -> str:
    """Return the 22 characters that identify a strategy with a config, as the cache keys of Kong begin.

    Args:
        strategy_name: the strategy, not the entity's prefix: equal configs share their secrets.
        fields: the names of the strategy's fields, in the order of its schema.
        config: what :func:`merge_overrides` returned, secrets revealed.
    """
    parts = [f"{name}={_hashed(config[name])};" for name in fields if name in config]
    text = f"{strategy_name};{''.join(parts)}"
    digest = hashlib.md5(to_bytes(text), usedforsecurity=False).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _hashed(value: object) -> str:
    if value is not None and type_name(value) in ("userdata", "function"):
        raise TypeError(f"config_hash takes plain values, not {type(value).__name__}: all would hash alike")
    # Kong prints a table's address here, so that its hash changes with every call.
    return json.dumps(value, sort_keys=True) if type_name(value) == "table" else tostring(value)


def config_by_name(
    strategy_name: str, fields: Mapping[str, Field], kong_configuration: Mapping[str, object]
) -> dict[str, object]:
    """Return the config of ``{vault://<strategy>/...}``, where no vault entity is named.

    Args:
        strategy_name: the strategy's name; its dashes are underscores in the settings.
        fields: the strategy's schema.
        kong_configuration: kong.conf's settings (``vault_env_prefix``), environment variables included.
    """
    config: dict[str, object] = {}
    for name, field in fields.items():
        setting = f"vault_{strategy_name}_{name}".replace("-", "_").lower()
        if setting in kong_configuration:
            value = infer_value(field, kong_configuration[setting])
            if validate_field(field, value) is None:
                config[name] = value
                continue
        if field.required and field.default is not None:
            config[name] = field.default
    return config
