"""``kong.service.set_*`` (``kong/pdk/service.lua``)."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.function import PdkFunction, expect, phases

__all__ = ["FUNCTIONS"]

_ACCESS = phases("access")
_TARGET = phases("rewrite", "access", "balancer", "preread")


def _set_upstream(context: RequestContext, name: Any) -> bool | None:
    expect(name, "string", "host must be a string")
    url = context.node.upstreams.get(name)
    if url is None:
        return None
    parts = urlsplit(url)
    context.upstream.host, context.upstream.port = parts.hostname or "", parts.port or 80
    return True


def _set_target(context: RequestContext, host: Any, port: Any) -> None:
    expect(host, "string", "host must be a string")
    expect(port, "integer", "port must be an integer")
    if not 0 <= port <= 65535:
        raise LuaError(f"port must be an integer between 0 and 65535: given {port}")
    if context.phase == "rewrite":
        raise LuaError("set_target before the route is known: Kong has no balancer data yet")
    context.upstream.host, context.upstream.port = host, int(port)
    context.upstream.host_header = host


def _set_retries(_: RequestContext, retries: Any) -> None:
    expect(retries, "integer", "retries must be an integer")
    if not 0 <= retries <= 32767:
        raise LuaError(f"retries must be an integer between 0 and 32767: given {retries}")


def _set_timeouts(context: RequestContext, connect: Any, write: Any, read: Any) -> None:
    for name, value in (("connect_timeout", connect), ("write_timeout", write), ("read_timeout", read)):
        expect(value, "integer", f"{name} must be an integer")
        if not 1 <= value <= 2147483646:
            raise LuaError(f"{name} must be an integer between 1 and 2147483646: given {value}")
    context.upstream.timeout_s = read / 1000


FUNCTIONS = {
    "kong.service.set_upstream": PdkFunction(_set_upstream, _ACCESS),
    "kong.service.set_target": PdkFunction(_set_target, _TARGET),
    "kong.service.set_retries": PdkFunction(_set_retries, _ACCESS),
    "kong.service.set_timeouts": PdkFunction(_set_timeouts, _ACCESS),
}
