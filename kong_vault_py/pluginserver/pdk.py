"""``kong``, as a plugin sees it: a tree of names whose leaves ask Kong.

One tree serves all events: a call finds its event by the greenlet that it runs in. Known names are built at start,
with the packed part of their frames; others (newer Kongs) on first use.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

from greenlet import getcurrent
from kong_pdk.exception import PDKException

from kong_vault_py.pluginserver.protocol import PACK_ERRORS, RENEW_BYTES, call_prefix, data_frame, new_pack, pack
from kong_vault_py.pluginserver.runner import EventOver, Runner, StepFailed, switch_to
from kong_vault_py.secret import Secret, mask

__all__ = ["ArgumentError", "Node", "build_tree"]

_EXITS = frozenset({"kong.response.exit", "kong.response.error"})
_LOGS = frozenset(
    {"kong.log"}
    | {
        f"kong.log.{level}"
        for level in ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "deprecation", "inspect")
    }
)


_pack = new_pack()


def _renew_pack() -> None:
    global _pack
    _pack = new_pack()


class ArgumentError(PDKException, TypeError):  # type: ignore[misc]  # kong_pdk is untyped
    """A PDK call got an argument that can't be sent to Kong; nothing was sent."""


class Node:
    """A name below ``kong``: call it, or go on with a dot.

    Calling raises:
        PDKException: Kong answered with an error.
        ArgumentError: an argument can't be sent.
        RuntimeError: called outside a phase: from another thread or greenlet, a constructor, after the event's end.
    """

    #: How ``kong_vault_py.plugin.pdk`` knows a PDK that needs no unwrapping.
    __kong_vault_py__ = True

    def __init__(self, path: str) -> None:
        self._path = path
        self._prefix = call_prefix(path)
        self._calls = 0

    def __getattr__(self, name: str) -> Node:
        if name.startswith("_"):
            raise AttributeError(f"{self._path} has no attribute {name}")
        child = _node_class(f"{self._path}.{name}", lua_style=isinstance(self, LuaNode))(f"{self._path}.{name}")
        setattr(self, name, child)
        return child

    def __repr__(self) -> str:
        return f"<{self._path} of Kong's PDK>"

    @property
    def __counted__(self) -> Iterator[tuple[str, int]]:
        """Each name from here on that was called, and how often."""
        if self._calls:
            yield self._path, self._calls
        for child in list(vars(self).values()):
            if isinstance(child, Node):
                yield from child.__counted__

    def __call__(self, *arguments: Any) -> Any:
        """Ask Kong, and wait for its answer without holding up other events."""
        try:
            return self._ask(arguments)
        except StepFailed as failed:
            raise PDKException(f"exception from {self._path}: {failed.error}") from None

    def _ask(self, arguments: tuple[Any, ...]) -> Any:
        runner = self._send(arguments)
        hub = runner.parent
        answer = switch_to(hub)
        # A Step sets the connection first; anything else is a wake-up that the plugin left behind.
        while runner.connection is None:
            answer = switch_to(hub)
        return answer

    def _send(self, arguments: tuple[Any, ...]) -> Runner:
        runner = getcurrent()
        if runner.__class__ is not Runner:
            raise RuntimeError(f"{self._path}: call it within a phase, in the phase's own thread and greenlet")
        connection = runner.connection or runner.settle()
        try:
            packed = _pack(arguments)
        except PACK_ERRORS as error:
            raise ArgumentError(f"{self._path}: {_unsendable(arguments)}: {error}") from None
        if len(packed) > RENEW_BYTES:
            _renew_pack()
        if not connection.write(data_frame(runner.msgid, runner.event_id, self._prefix, packed)):
            runner.leave()
            raise EventOver
        self._calls += 1
        runner.connection = None
        return runner


class _ExitNode(Node):
    """``kong.response.exit`` and ``error``: Kong sends no further Step, so the plugin ends here."""

    def __call__(self, *arguments: Any) -> Any:
        # Kong unpacks the arguments as a Lua table, whose length ends at a nil: headers behind it would be lost.
        status, *rest = arguments or (None,)
        if len(rest) > 1 and rest[0] is None:
            arguments = (status, "", *rest[1:])
        self._send(arguments).leave()
        raise EventOver


class _LogNode(Node):
    """``kong.log`` and its levels: takes anything, and never shows a secret."""

    def _ask(self, arguments: tuple[Any, ...]) -> Any:
        return super()._ask(tuple(map(_loggable, arguments)))


class LuaNode(Node):
    """A node whose calls return ``(data, error)``, as the stock server's do by default."""

    __kong_vault_py__ = False

    def __call__(self, *arguments: Any) -> Any:
        try:
            return self._ask(arguments), None
        except StepFailed as failed:
            return None, failed.error


class _LuaLogNode(LuaNode, _LogNode):
    pass


class _LuaExitNode(_ExitNode, LuaNode):
    __kong_vault_py__ = False


def build_tree(*, lua_style: bool) -> Node:
    """Return ``kong``, with every name that kong_pdk knows.

    Args:
        lua_style: calls return ``(data, error)`` instead of raising PDKException.
    """
    from kong_pdk.pdk.kong import kong as known

    root = _node_class("kong", lua_style=lua_style)("kong")
    _grow(root, known)
    return root


def _grow(node: Node, known: type) -> None:
    for name, value in vars(known).items():
        if not name.startswith("_"):
            child = getattr(node, name)
            if inspect.isclass(value):
                _grow(child, value)


def _node_class(path: str, *, lua_style: bool) -> type[Node]:
    if path in _EXITS:
        return _LuaExitNode if lua_style else _ExitNode
    if path in _LOGS:
        return _LuaLogNode if lua_style else _LogNode
    return LuaNode if lua_style else Node


def _loggable(value: Any) -> Any:
    if type(value) is str:
        return mask(value)
    if type(value) is int:
        return value
    if isinstance(value, (list, tuple)):
        return [_loggable(item) for item in value]
    if isinstance(value, dict):
        return {_loggable(key): _loggable(item) for key, item in value.items()}
    return mask(str(value))


def _unsendable(arguments: tuple[Any, ...]) -> str:
    """Name the argument that can't be sent; the remedy too where it is clear."""
    for position, argument in enumerate(arguments, 1):
        if isinstance(argument, Secret):
            return f"argument {position} is a Secret, pass its .reveal()"
        try:
            pack(argument)
        except PACK_ERRORS:
            return f"argument {position} ({type(argument).__name__}) can't be sent to Kong"
    return "the arguments can't be sent to Kong"
