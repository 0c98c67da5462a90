"""How an event leaves its straight path inside the gateway; none of these reaches a test's code."""

from __future__ import annotations

from typing import Any

__all__ = ["LuaError", "ResponseExit"]


class LuaError(Exception):
    """What Lua's ``error()`` is in Kong: it ends the phase, and the client gets a 500 where one can still be sent."""

    def __init__(self, value: object) -> None:
        super().__init__(str(value))
        self.value = value


class ResponseExit(Exception):  # noqa: N818 (no error: the plugin answers the request itself)
    """A plugin called ``kong.response.exit`` or ``kong.response.error``: the event is over, no Step follows."""

    def __init__(self, status: int, body: Any = None, headers: dict[str, Any] | None = None) -> None:
        super().__init__(status)
        self.status = status
        self.body = body
        self.headers = headers or {}
