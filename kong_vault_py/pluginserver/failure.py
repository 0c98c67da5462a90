"""What a failed phase does to the request: it ends it, as far as Kong's protocol lets a server end it.

An error in a reply makes Kong log it and go on *without* the plugin. So where the PDK allows it
(``kong/pdk/response.lua``) the request is answered with ``kong.response.exit``. In the certificate phase it does not;
there an error that is a map makes ``mp_rpc.lua``'s ``handle_event`` fail itself, which ends the TLS handshake. A log
phase has nothing to end.

A plugin may ask for the opposite (``on_error = "open"``): then the reason is logged and the request goes on without it.
"""

from __future__ import annotations

import re
import traceback
from dataclasses import dataclass

from kong_vault_py.errors import VaultError
from kong_vault_py.pluginserver.protocol import data_frame, error_frame, pack_call, ret_frame
from kong_vault_py.pluginserver.runner import Phase
from kong_vault_py.secret import mask

__all__ = [
    "Act",
    "acts_for",
    "acts_for_overload",
    "acts_for_overrun",
    "acts_for_unknown",
    "explain",
    "one_line",
]

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
    """One reply of a failing event: a packed PDK call, or an error, or else its end as if nothing had happened."""

    call: bytes | None = None
    error: object = None

    def frame(self, msgid: int, event_id: int) -> bytes:
        """Return the reply to the request that waits."""
        if self.call is not None:
            return data_frame(msgid, event_id, self.call)
        if self.error is not None:
            return error_frame(msgid, self.error)
        return ret_frame(msgid, event_id)


def acts_for(phase: Phase, error: BaseException) -> list[Act]:
    """Return the replies, one per request of Kong's, after a phase raised."""
    return _acts(phase, _UNAVAILABLE if isinstance(error, VaultError) else _ERROR, explain(error, phase.path), error)


def acts_for_overrun(phase: Phase, timeout_s: float, error: BaseException | None = None) -> list[Act]:
    """Return the replies after a phase ran for longer than it may; with what interrupted it, if something did."""
    what = (
        f"not finished after {timeout_s:g} s; give what it waits for a shorter timeout, or raise --event-timeout"
        if error is None
        else f"not finished after {timeout_s:g} s, in which it held up all others{_place(error, phase.path)}"
    )
    return _acts(phase, _TIMEOUT, what, error)


def acts_for_overload(phase: Phase, most: int) -> list[Act]:
    """Return the replies to an event that is one too many."""
    return _acts(phase, _UNAVAILABLE, f"{most} events are in flight, this plugin server takes no more")


def acts_for_unknown(event_id: int) -> list[Act]:
    """Return the replies to a Step whose event is gone, likely with another server; in which phase nobody knows."""
    reason = f"event {event_id} is gone: was the plugin server restarted?"
    return [Act(call=pack_call("kong.log.err", reason)), Act(error={"message": reason})]


def explain(error: BaseException, path: str) -> str:
    """Return an exception as one line for Kong's log, secrets masked: class, text, and where in the plugin's file."""
    try:
        said = str(error)
    except BaseException as raised:  # a plugin's class: it may do anything
        said = f"its text can't be had ({type(raised).__name__})"
    text = f"{type(error).__name__}: {said}" if said else type(error).__name__
    return one_line(text, _MAX_LINE_LENGTH) + _place(error, path)


def one_line(text: str, limit: int = _MAX_LINE_LENGTH) -> str:
    """Return ``text`` masked, on one line, not too long, and free of what Kong takes as an order."""
    line = " ".join(mask(text).split())
    return _REPEAT_ORDER.sub("no-plugin-instance", line)[:limit]


def _place(error: BaseException, path: str) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    place = next((frame for frame in reversed(frames) if frame.filename == path), frames[-1] if frames else None)
    return f" ({place.filename}:{place.lineno})" if place else ""


def _acts(phase: Phase, status: int, what: str, error: BaseException | None = None) -> list[Act]:
    reason = f"plugin '{phase.plugin}' failed in phase {phase.name}: {what}"
    if phase.name == "log":
        return [Act(error=reason)]
    log = Act(call=pack_call("kong.log.err", f"{reason}; the request goes on" if phase.fails_open else reason))
    if phase.fails_open:
        return [log, Act()]
    if phase.name in _HTTP_PHASES:
        body: dict[str, object] = {"message": _MESSAGES[status]}
        if phase.shows_traces:
            body |= {"plugin": phase.plugin, "phase": phase.name, "traceback": _trace(error) if error else [reason]}
        return [log, Act(call=pack_call("kong.response.exit", status, body))]
    if phase.name == "preread":
        return [log, Act(call=pack_call("kong.response.exit", _STREAM_STATUS.get(status, status)))]
    return [log, Act(error={"message": reason})]


def _trace(error: BaseException) -> list[str]:
    """Return a traceback's lines, secrets masked."""
    return mask("".join(traceback.format_exception(error))).splitlines()
