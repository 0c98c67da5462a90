"""One entry of the PDK table: the function, the phases it may be called in, whether it needs the live request."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError

__all__ = ["ANY_PHASE", "PdkFunction", "expect", "phases"]


def phases(*names: str) -> frozenset[str]:
    """Return a set of phases; those that external plugins don't have (``balancer``, ...) may be named too."""
    return frozenset(names)


#: No check at all, as in functions without ``check_phase``.
ANY_PHASE: frozenset[str] = phases()


@dataclass(frozen=True)
class PdkFunction:
    """A function of the PDK.

    Attributes:
        call: takes the request and the plugin's arguments; raises LuaError as the original calls ``error()``, and
            ``None`` stands for nil.
        phases: where it may be called; empty for anywhere.
        live: it reads Nginx's request itself. The log phase of external plugins runs in a timer, where that is gone.
    """

    call: Callable[..., Any]
    phases: frozenset[str]
    live: bool = False

    def __call__(self, name: str, context: RequestContext, arguments: list[Any]) -> Any:
        """Call it with as many arguments as it takes, like Lua.

        Raises:
            LuaError: the phase does not allow it, or the arguments are wrong.
            ResponseExit: the plugin ends the request.
        """
        if self.phases and context.phase not in self.phases:
            allowed = ", ".join(sorted(self.phases))
            raise LuaError(f"{name} can't be called in the {context.phase} phase (only in: {allowed})")
        if self.live and context.timer:
            raise LuaError(f"{name}: API disabled in the context of ngx.timer (log phase of an external plugin)")
        parameters = list(inspect.signature(self.call).parameters.values())[1:]
        if any(parameter.kind is parameter.VAR_POSITIONAL for parameter in parameters):
            return self.call(context, *arguments)
        missing = len(parameters) - len(arguments)
        return self.call(context, *arguments[: len(parameters)], *([None] * max(0, missing)))


_TYPES: dict[str, Callable[[Any], bool]] = {
    "string": lambda value: isinstance(value, str),
    "number": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool),
    "integer": lambda value: isinstance(value, (int, float)) and not isinstance(value, bool) and value == int(value),
    "boolean": lambda value: isinstance(value, bool),
    "table": lambda value: isinstance(value, (dict, list)),
}


def expect(value: Any, kind: str, message: str) -> None:
    """Check an argument's Lua type.

    Raises:
        LuaError: it has another type.
    """
    if not _TYPES[kind](value):
        raise LuaError(message)
