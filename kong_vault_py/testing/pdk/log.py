"""``kong.log`` and its levels, ``kong.log.serialize`` (``kong/pdk/log.lua``)."""

from __future__ import annotations

from typing import Any

from kong_vault_py.dialect.lua_value import tostring
from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.log import LEVELS
from kong_vault_py.testing.pdk.function import ANY_PHASE, PdkFunction, expect, phases

__all__ = ["FUNCTIONS"]

_WITH_CTX = phases("rewrite", "access", "header_filter", "response", "body_filter", "log")
_LOG = phases("log")
_MODES = ("set", "add", "replace")


def _at(level: str) -> PdkFunction:
    def write(context: RequestContext, *arguments: Any) -> None:
        context.node.log.write(level, "".join(map(tostring, arguments)), context.plugin_name)

    return PdkFunction(write, ANY_PHASE)


def _set_serialize_value(context: RequestContext, key: Any, value: Any, options: Any) -> None:
    expect(key, "string", "key must be a string")
    mode = options.get("mode", "set") if isinstance(options, dict) else "set"
    if mode not in _MODES:
        raise LuaError("mode must be 'set', 'add' or 'replace'")
    context.serialize_values.append((key, value, mode))


FUNCTIONS = {
    "kong.log": _at("notice"),
    **{f"kong.log.{level}": _at(level) for level in LEVELS},
    "kong.log.set_serialize_value": PdkFunction(_set_serialize_value, _WITH_CTX),
    # The text was made before the log phase left the request for its timer.
    "kong.log.serialize": PdkFunction(lambda context: context.serialized, _LOG),
}
