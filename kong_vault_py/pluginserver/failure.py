"""What a failed phase does to the request: it ends it, as far as Kong's protocol lets a server end it.

An error in a reply makes Kong log it and go on *without* the plugin. So where the PDK allows it
(``kong/pdk/response.lua``) the request is answered with ``kong.response.exit``. In the certificate phase it does not;
there an error that is a map makes ``mp_rpc.lua``'s ``handle_event`` fail itself, which ends the TLS handshake. A log
phase has nothing to end.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

from kong_vault_py.errors import VaultError
from kong_vault_py.pluginserver.protocol import data_frame, error_frame, pack_call
from kong_vault_py.pluginserver.runner import Phase
from kong_vault_py.secret import mask

__all__ = ["Act", "acts_for", "acts_for_overrun", "acts_for_unknown", "explain", "one_line"]

_ERROR, _UNAVAILABLE, _TIMEOUT = 500, 503, 504
_MESSAGES = {
    _ERROR: "An unexpected error occurred",
    _UNAVAILABLE: "The service is temporarily unavailable",
    _TIMEOUT: "The request took too long to process",
}

_HTTP_PHASES = frozenset({"rewrite", "access", "response"})
#: The stream subsystem's exit takes no 504.
_STREAM_STATUS = {_TIMEOUT: _UNAVAILABLE}

#: In an error's text it would make Kong start the instance again and repeat the event, for ever.
_REPEAT_ORDER = re.compile("no plugin instance", re.IGNORECASE)
_MAX_LINE_LENGTH = 2000


@dataclass(frozen=True, slots=True)
class Act:
    """One reply of a failing event: a packed PDK call, or else an error."""

    call: bytes | None = None
    error: object = None

    def frame(self, msgid: int, event_id: int) -> bytes:
        """Return the reply to the request that waits."""
        if self.call is not None:
            return data_frame(msgid, event_id, self.call)
        return error_frame(msgid, self.error)


def acts_for(phase: Phase, error: BaseException) -> list[Act]:
    """Return the replies, one per request of Kong's, after a phase raised."""
    reason = f"plugin '{phase.plugin}' failed in phase {phase.name}: {explain(error, phase.path)}"
    return _acts(phase.name, _UNAVAILABLE if isinstance(error, VaultError) else _ERROR, reason)


def acts_for_overrun(phase: Phase, timeout_s: float) -> list[Act]:
    """Return the replies after a phase ran for longer than it may."""
    reason = (
        f"plugin '{phase.plugin}' failed in phase {phase.name}: not finished after {timeout_s:g} s; "
        "give what it waits for a shorter timeout, or raise --event-timeout"
    )
    return _acts(phase.name, _TIMEOUT, reason)


def acts_for_unknown(event_id: int) -> list[Act]:
    """Return the replies to a Step whose event is gone, likely with another server; in which phase nobody knows."""
    return _acts("unknown", _ERROR, f"event {event_id} is gone: was the plugin server restarted?")


def explain(error: BaseException, path: str) -> str:
    """Return an exception as one line for Kong's log, secrets masked: class, text, and where in the plugin's file."""
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if frame.filename == path), frames[-1] if frames else None)
    where = f" ({place.filename}:{place.lineno})" if place else ""
    return one_line(text, _MAX_LINE_LENGTH) + where


def one_line(text: str, limit: int = _MAX_LINE_LENGTH) -> str:
    """Return ``text`` masked, on one line, not too long, and free of what Kong takes as an order."""
    line = " ".join(mask(text).split())
    return _REPEAT_ORDER.sub("no-plugin-instance", line)[:limit]


def _acts(phase: str, status: int, reason: str) -> list[Act]:
    log = Act(call=pack_call("kong.log.err", reason))
    if phase in _HTTP_PHASES:
        return [log, Act(call=pack_call("kong.response.exit", status, {"message": _MESSAGES[status]}))]
    if phase == "preread":
        return [log, Act(call=pack_call("kong.response.exit", _STREAM_STATUS.get(status, status)))]
    if phase == "log":
        return [Act(error=reason)]
    return [log, Act(error={"message": reason})]
