"""A plugin entity's config as it reaches the plugin server: nulls left out, references resolved, Kong's keys added.

Follows ``process_auto_fields`` in context ``select`` (``kong/db/schema/init.lua``) and ``get_plugin_config``
(``kong/runloop/plugins_iterator.lua``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from kong_vault_py.reference import is_reference
from kong_vault_py.testing.entities import WORKSPACE_ID, PluginEntity, Route
from kong_vault_py.testing.schema import Field, fields_of

__all__ = ["instance_config"]

#: Returns the value of a reference, ``None`` where it can't be resolved.
Resolve = Callable[[str], "str | None"]


def instance_config(
    entity: PluginEntity,
    route: Route | None,
    seq: int,
    fields: list[Mapping[str, Field]],
    config: Mapping[str, Any],
    resolve: Resolve,
) -> dict[str, Any]:
    """Return the config of StartInstance.

    Args:
        entity: the plugin entity.
        route: its route, ``None`` for a global plugin.
        seq: the number of this state of the configuration.
        fields: the fields of the plugin's config.
        config: the completed and validated config.
        resolve: looks references up; called for fields marked referenceable only.
    """
    route_id = route.id if route else None
    selected = _select(fields, config, resolve)
    selected["__plugin_id"] = entity.id
    selected["__key__"] = f"plugins:{entity.name}:{route_id or ''}::::{WORKSPACE_ID}"
    selected["__seq__"] = seq
    selected["__ws_id"] = WORKSPACE_ID
    if route_id:
        selected["route_id"] = route_id
    return selected


def _select(fields: list[Mapping[str, Field]], record: Mapping[str, Any], resolve: Resolve) -> dict[str, Any]:
    selected: dict[str, Any] = {}
    refs: dict[str, Any] = {}
    for name, field in fields_of(fields):
        value, ref = _value(field, record.get(name), resolve)
        if ref:
            refs[name] = ref
        # An empty string stands for null, unless it is what became of a reference.
        empty = field["type"] == "string" and value == "" and field.get("len_min", 1) > 0 and not ref
        if value is not None and not empty:
            selected[name] = value
    return selected | ({"$refs": refs} if refs else {})


def _value(field: Field, value: Any, resolve: Resolve) -> tuple[Any, Any]:
    """Return a field's value with its references resolved, and the references in the shape of ``$refs``."""
    kind = field["type"]
    if value is None:
        return None, None
    if kind == "record":
        return _select(field["fields"], value, resolve), None
    if kind == "string":
        if field.get("referenceable") and is_reference(value):
            return resolve(value) or "", value
        return value, None
    if kind in ("array", "set"):
        pairs = [_value(field["elements"], item, resolve) for item in value]
        refs = [ref for _, ref in pairs]
        while refs and refs[-1] is None:
            refs.pop()
        return [item for item, _ in pairs], refs
    if kind == "map":
        pairs_by_key = {key: _value(field["values"], item, resolve) for key, item in value.items()}
        values = {key: item for key, (item, _) in pairs_by_key.items()}
        return values, {key: ref for key, (_, ref) in pairs_by_key.items() if ref}
    return value, None
