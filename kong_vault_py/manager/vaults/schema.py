"""A strategy's options as Kong's ``/schemas/vaults/{name}`` shows them: what forms and Kong's clients are made from."""

from __future__ import annotations

from typing import Any

from kong_vault_py.options import Option, options_of
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["vault_schema"]


def vault_schema(name: str) -> dict[str, Any]:
    """Return the schema of a strategy's config.

    Raises:
        UnknownStrategyError: there is no such strategy.
        ConfigError: it can't be loaded.
    """
    fields = [{known.name: _field(known)} for known in options_of(load_strategy(name).config_class)]
    config = {"type": "record", "required": True, "fields": fields}
    return {"fields": [{"config": config}], "entity_checks": []}


def _field(known: Option) -> dict[str, Any]:
    field: dict[str, Any] = {"type": known.kind, "required": known.required, "description": known.help}
    if known.default is not None:
        field["default"] = known.default
    if known.one_of:
        field["one_of"] = list(known.one_of)
    if known.between:
        field["between"] = list(known.between)
    if known.match:
        field["match"] = known.match
    if known.kind == "string":
        field["referenceable"] = True
    if known.secret:
        field["encrypted"] = True
    return field
