"""What a gateway remembers of its talk with the plugin server, for assertions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

__all__ = ["PdkCall", "RpcRecord"]


@dataclass(frozen=True)
class RpcRecord:
    """One RPC from the gateway to the plugin server.

    Attributes:
        connection: the number of the connection it went over, counted from 1 in the order of their opening.
        msgid: its message id.
        method: ``plugin.HandleEvent`` and the like.
        argument: its one argument.
        error: the reply's error, ``None`` without one; a string where no reply came.
        result: the reply's result.
    """

    connection: int
    msgid: int
    method: str
    argument: Any
    error: Any
    result: Any


@dataclass(frozen=True)
class PdkCall:
    """One PDK call that a plugin made.

    Attributes:
        plugin: the plugin's name.
        phase: the phase it was made in.
        method: ``kong.request.get_header`` and the like.
        args: its arguments, as the PDK function got them.
    """

    plugin: str
    phase: str
    method: str
    args: tuple[Any, ...]
