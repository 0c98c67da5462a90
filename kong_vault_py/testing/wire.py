"""Values on the wire: what Kong's Lua MessagePack makes of them, in both directions.

Inside the gateway a Lua string is a ``str`` (bytes that are no UTF-8 are surrogate escapes), a Lua table a dict or a
list, nil is an absent key. Follows lua-MessagePack 0.5 on LuaJIT 2.1, as ``plugin_servers/rpc/mp_rpc.lua`` uses it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgpack

from kong_vault_py.dialect.lua_value import to_text

__all__ = ["from_wire", "lua_arguments", "pack", "to_wire", "unpacker"]

# A nil between arguments makes the length of a Lua table a matter of its layout. Measured on LuaJIT 2.1 for a table
# filled from 1 upwards, where it is not simply the last position: ``exit(503, nil, headers)`` loses its headers.
_MEASURED_LENGTHS = {
    "__x": 0,
    "x_x": 1,
    "___x": 0,
    "__xx": 0,
    "____x": 0,
    "x___x": 1,
    "_x__x": 2,
    "xx__x": 2,
    "__x_x": 0,
    "x_x_x": 1,
    "_xx_x": 3,
    "xxx_x": 3,
    "___xx": 0,
}


def pack(message: Sequence[object]) -> bytes:
    """Encode one message; text goes as MessagePack str with its original bytes, ``bytes`` as bin."""
    encoded = msgpack.packb(message, use_bin_type=True, unicode_errors="surrogateescape")
    return bytes(encoded)


def unpacker() -> msgpack.Unpacker:
    """Return a streaming decoder that accepts what Lua accepts: text of any bytes, keys of any type."""
    return msgpack.Unpacker(raw=False, unicode_errors="surrogateescape", strict_map_key=False)


def from_wire(value: object) -> Any:
    """Return a decoded value as the Lua table that Kong holds: nil entries vanish, bin is a string like any other."""
    if isinstance(value, bytes):
        return to_text(value)
    if isinstance(value, Mapping):
        return {from_wire(key): from_wire(item) for key, item in value.items() if item is not None}
    if isinstance(value, (list, tuple)):
        return _table([from_wire(item) for item in value])
    return value


def _table(items: list[Any]) -> list[Any] | dict[int, Any]:
    while items and items[-1] is None:
        items.pop()
    if None not in items:
        return items
    return {index: item for index, item in enumerate(items, 1) if item is not None}


def lua_arguments(arguments: object) -> list[Any]:
    """Return what reaches the PDK function of a call's ``Args``: Lua's ``unpack`` stops at the table's length."""
    if arguments is None:
        return []
    if not isinstance(arguments, (list, tuple)):
        return [] if isinstance(arguments, Mapping) else [from_wire(arguments)]
    shape = "".join("_" if item is None else "x" for item in arguments).rstrip("_")
    length = _MEASURED_LENGTHS.get(shape, len(shape))
    return [from_wire(item) for item in arguments[:length]]


def to_wire(value: object) -> Any:
    """Return a PDK result as Kong would send it: an empty table is an empty array, an integral number an integer."""
    if isinstance(value, bool) or value is None:
        return value
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, Mapping):
        return {key: to_wire(item) for key, item in value.items()} or []
    if isinstance(value, Iterable) and not isinstance(value, (str, bytes)):
        return [to_wire(item) for item in value]
    return value
