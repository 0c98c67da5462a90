"""A field of a Kong schema, as far as vault strategies use the schema language."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

__all__ = ["Field"]

# kong/db/schema/typedefs.lua
_TYPEDEFS: dict[str, dict[str, object]] = {
    "ttl": {"type": "number", "between": (0, 100_000_000)},
    "port": {"type": "integer", "between": (0, 65535)},
    "timeout": {"type": "integer", "between": (0, 2**31 - 2)},
    "host": {"type": "string", "host": True},
}


@dataclass(frozen=True)
class Field:
    """A field of a Kong schema; ``None`` means that the schema doesn't say.

    Attributes:
        type: string, number, integer, boolean, array, set, map or record.
        host: a string must be a host name or an address without a port (``typedefs.host``).
        match: a Lua pattern.
        fields: a record's fields by name.
    """

    type: str
    required: bool = False
    default: object = None
    eq: object = None
    one_of: Sequence[object] | None = None
    not_one_of: Sequence[object] | None = None
    gt: float | None = None
    between: tuple[float, float] | None = None
    len_min: int | None = None
    len_max: int | None = None
    starts_with: str | None = None
    match: str | None = None
    uuid: bool = False
    host: bool = False
    referenceable: bool = False
    elements: Field | None = None
    keys: Field | None = None
    values: Field | None = None
    fields: Mapping[str, Field] | None = None

    @classmethod
    def from_kong(cls, schema: Mapping[str, Any]) -> Field:
        """Return the field that a Kong schema declares (``{"type": "integer", "between": [1, 65535]}``).

        Attributes other than those above (``description``, ``encrypted``) are passed over.
        """
        merged = {**_TYPEDEFS.get(schema.get("typedef", ""), {}), **schema}
        known = {field.name for field in dataclasses.fields(cls)}
        made = {name: value for name, value in merged.items() if name in known}
        if "between" in made:
            low, high = made["between"]
            made["between"] = (low, high)
        for name in ("elements", "keys", "values"):
            if name in made:
                made[name] = cls.from_kong(made[name])
        if "fields" in made:
            made["fields"] = {name: cls.from_kong(sub) for one in made["fields"] for name, sub in one.items()}
        return cls(**made)
