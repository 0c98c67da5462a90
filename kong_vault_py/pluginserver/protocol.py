"""The frames of Kong's ``MsgPack:1`` protocol, built by hand where every request passes.

A reply is ``[1, msgid, error, result]``; the result of an event is ``{"EventId": id, "Data": call or "ret"}``.
See ``kong/runloop/plugin_servers/rpc/mp_rpc.lua``.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from msgpack import Packer, Unpacker, unpackb

__all__ = [
    "MAX_FRAME_BYTES",
    "MAX_ITEMS",
    "MAX_MSGID",
    "PACK_ERRORS",
    "RENEW_BYTES",
    "call_prefix",
    "data_frame",
    "error_frame",
    "new_pack",
    "new_unpacker",
    "pack",
    "pack_call",
    "result_frame",
    "ret_frame",
    "server_pid_frame",
    "unpack",
]

#: A frame that needs more is an attack or a mistake: the connection is closed.
MAX_FRAME_BYTES = 256 * 1024 * 1024
#: Elements of one array or map; a list is allocated as declared, before its elements arrive.
MAX_ITEMS = 1 << 20
#: An encoder or decoder that has seen more is replaced: it keeps a buffer of that size.
RENEW_BYTES = 1 << 20
#: Kong counts from 1, in each worker and plugin.
MAX_MSGID = 0xFFFFFFFF

#: What :data:`pack` raises for a value that MessagePack can't hold.
PACK_ERRORS = (TypeError, ValueError, OverflowError)


def new_pack() -> Callable[[Any], bytes]:
    """Return an encoder, which keeps a buffer as large as its largest value."""
    # Header values that are no UTF-8 come and go unchanged, as surrogate escapes.
    return Packer(unicode_errors="surrogateescape").pack  # type: ignore[no-any-return]


pack = new_pack()

_READ_AHEAD_BYTES = 16 * 1024

_REPLY = b"\x94\x01\xce"
_EVENT_ID = b"\xc0\x82\xa7EventId\xcf"
_DATA = b"\xa4Data"
_EVENT_HEAD = struct.Struct(">3sI11sQ").pack
_RET_FRAME = struct.Struct(">3sI11sQ9s").pack
_HEAD = struct.Struct(">3sI").pack


def new_unpacker() -> Unpacker:
    """Return a decoder for one connection, with every size bounded."""
    return Unpacker(
        read_size=_READ_AHEAD_BYTES,
        max_buffer_size=MAX_FRAME_BYTES,
        max_array_len=MAX_ITEMS,
        max_map_len=MAX_ITEMS,
        strict_map_key=False,
        unicode_errors="surrogateescape",
    )


def unpack(data: bytes) -> Any:
    """Return the one value that ``data`` holds; its parts are bounded by the bytes that are there."""
    return unpackb(data, strict_map_key=False, unicode_errors="surrogateescape")


def call_prefix(method: str) -> bytes:
    """Return what comes between an event's id and the packed arguments of a PDK call: pack it once, use it often."""
    return _DATA + b"\x82\xa6Method" + pack(method) + b"\xa4Args"


def pack_call(method: str, *arguments: Any) -> bytes:
    """Return a whole PDK call, for :func:`data_frame`."""
    return call_prefix(method) + pack(arguments)


def data_frame(msgid: int, event_id: int, call: bytes, arguments: bytes = b"") -> bytes:
    """Return the reply that asks for a PDK call: :func:`pack_call`, or :func:`call_prefix` and packed arguments."""
    return _EVENT_HEAD(_REPLY, msgid, _EVENT_ID, event_id) + call + arguments


def ret_frame(msgid: int, event_id: int) -> bytes:
    """Return the reply that ends an event."""
    return _RET_FRAME(_REPLY, msgid, _EVENT_ID, event_id, b"\xa4Data\xa3ret")


def result_frame(msgid: int, result: bytes) -> bytes:
    """Return a reply with a packed result."""
    return _HEAD(_REPLY, msgid) + b"\xc0" + result


def error_frame(msgid: int, error: object) -> bytes:
    """Return a reply with an error: a text, or the map that makes Kong fail the request (see ``failure``)."""
    return _HEAD(_REPLY, msgid) + pack(error) + b"\xc0"


def server_pid_frame(pid: int) -> bytes:
    """Return the notification by which Kong notices another server and forgets the old one's instances."""
    return pack([2, "serverPid", pid])
