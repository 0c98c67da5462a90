"""Requests that are answered without decoding them: the bytes behind the msgid say it all.

Kong sends the same HandleEvent for an instance and phase again and again, with another msgid in front, so its bytes
lead straight to the phase. A Step's differ by event and result, at known places. Whatever looks otherwise is left to
the decoder: map keys in another order, a string for a number, several frames at once, half a frame.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kong_vault_py.pluginserver.protocol import unpack

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.connection import Connection
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.runner import Phase

__all__ = ["Shortcuts"]

#: Kong's msgids take this form once its worker has made 65,536 requests.
_REQUEST = b"\x94\x00\xce"
_HEAD_BYTES = 7

_HANDLE_EVENT = b"\xb2plugin.HandleEvent\x91"
_STEP = b"\xabplugin.Step\x91\x82\xa7EventId\xcf"
_BARE_STEP = b"\xabplugin.Step\x91\x81\xa7EventId\xcf"
_DATA = b"\xa4Data"
#: The head, the msgid, and of a Step what comes before its event's id, and that id.
_parts = struct.Struct(f">3sI{len(_STEP)}sQ").unpack_from
_STEP_BYTES = _HEAD_BYTES + len(_STEP) + 8
_VALUE_AT = _STEP_BYTES + len(_DATA)

_MAX_KNOWN = 4096


class Shortcuts:
    """What is known of requests by their bytes.

    Args:
        find: returns the phase that a HandleEvent's argument names, or ``None``.
        events: run them.
    """

    def __init__(self, find: Callable[[dict[str, Any]], Phase | None], events: Events) -> None:
        self._find = find
        self._events = events
        self._known: dict[bytes, Phase] = {}

    def take(self, connection: Connection, data: bytes) -> bool:
        """Handle ``data`` if it is one whole request of a known form; say whether it was."""
        if len(data) < _STEP_BYTES:
            return False
        head, msgid, form, event_id = _parts(data)
        if head != _REQUEST:
            return False
        if form == _STEP:
            if data[_STEP_BYTES:_VALUE_AT] != _DATA:
                return False
            try:
                result = unpack(data[_VALUE_AT:])
            except Exception:  # less or more than one value: the stream's decoder knows what to make of it
                return False
            return self._events.resume(connection, msgid, event_id, result)
        if form == _BARE_STEP:
            return len(data) == _STEP_BYTES and self._events.resume(connection, msgid, event_id, None)
        phase = self._known.get(data[_HEAD_BYTES:]) or self._learn(data[_HEAD_BYTES:])
        if phase is None:
            return False
        self._events.handle(connection, msgid, phase)
        return True

    def forget(self) -> None:
        """Forget all, as an instance was closed."""
        self._known.clear()

    def _learn(self, tail: bytes) -> Phase | None:
        if not tail.startswith(_HANDLE_EVENT):
            return None
        try:
            phase = self._find(unpack(tail[len(_HANDLE_EVENT) :]))
        except Exception:  # not one whole argument of the right shape
            return None
        if phase is not None:
            if len(self._known) >= _MAX_KNOWN:
                self._known.clear()
            self._known[tail] = phase
        return phase
