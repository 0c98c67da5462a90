"""What is neither request nor response: kong.ctx, nginx, node, plugin, ip, vault.

Follows ``kong/pdk/{node,nginx,ip,vault}.lua`` and the functions that ``plugin_servers/plugin.lua`` adds for external
plugins.
"""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import Any

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import is_reference, parse_reference
from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.function import ANY_PHASE, PdkFunction

__all__ = ["FUNCTIONS", "is_trusted"]

_SHARED_DICTS = {"kong": 5242880, "kong_locks": 8388608, "kong_db_cache": 134217728, "kong_secrets": 5242880}


def is_trusted(context: RequestContext, address: Any) -> bool:
    """Say whether an address is one of the trusted proxies."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    networks = (ipaddress.ip_network(text, strict=False) for text in context.node.trusted_ips)
    return any(parsed in network for network in networks)


def _variable(context: RequestContext, name: Any) -> Any:
    """Return one of Nginx's variables; an unknown one is nil, as a variable without value."""
    values: dict[str, Any] = {
        "args": context.query or None,
        "host": context.host,
        "query_string": context.query or None,
        "remote_addr": context.client_ip,
        "remote_port": str(context.client_port),
        "request": f"{context.method} {context.target} HTTP/{context.http_version}",
        "kong_request_id": context.request_id,
        "request_id": context.nginx_request_id,
        "request_method": context.method,
        "request_uri": context.target,
        "scheme": context.scheme,
        "server_port": str(context.server_port),
        "upstream_host": context.upstream.host_header or "",
        "upstream_scheme": context.upstream.scheme,
        "upstream_uri": context.upstream.path,
        "uri": context.raw_path,
    }
    if isinstance(name, str) and name.startswith("http_"):
        return ", ".join(context.headers.get_all(name[5:])) or None
    if isinstance(name, str) and name.startswith("arg_"):
        pairs = (pair.partition("=") for pair in context.query.split("&"))
        return next((value for key, _, value in pairs if key == name[4:]), None)
    return values.get(name)


def _set_ctx(context: RequestContext, key: Any, value: Any) -> None:
    _set(context.ngx_ctx, key, value)


def _set_shared(context: RequestContext, key: Any, value: Any) -> None:
    _set(context.shared, key, value)


def _set(table: dict[str, Any], key: Any, value: Any) -> None:
    if key is None:
        raise LuaError("table index is nil")
    if value is None:
        table.pop(key, None)
    else:
        table[key] = value


def _memory_stats(_: RequestContext) -> dict[str, Any]:
    return {
        "lua_shared_dicts": {
            name: {"capacity": capacity, "allocated_slabs": 40960} for name, capacity in _SHARED_DICTS.items()
        },
        "workers_lua_vms": [{"http_allocated_gc": 47063560, "pid": os.getpid()}],
    }


def _vault_get(context: RequestContext, reference: Any) -> str | None:
    # A failure is nil and an error in Lua; the error is dropped on the way to the plugin.
    return context.node.resolve(reference) if is_reference(reference) else None


def _parse_reference(_: RequestContext, reference: Any) -> dict[str, Any] | None:
    try:
        parsed = parse_reference(reference)
    except InvalidReferenceError:
        return None
    fields = ("name", "resource", "key", "config", "version")
    return {name: getattr(parsed, name) for name in fields if getattr(parsed, name) is not None}


FUNCTIONS = {
    "kong.ctx.shared.get": PdkFunction(lambda context, key: context.shared.get(key), ANY_PHASE),
    "kong.ctx.shared.set": PdkFunction(_set_shared, ANY_PHASE),
    "kong.nginx.get_var": PdkFunction(_variable, ANY_PHASE, live=True),
    "kong.nginx.get_ctx": PdkFunction(lambda context, key: context.ngx_ctx.get(key), ANY_PHASE),
    "kong.nginx.set_ctx": PdkFunction(_set_ctx, ANY_PHASE),
    "kong.nginx.get_subsystem": PdkFunction(lambda _: "http", ANY_PHASE),
    "kong.nginx.req_start_time": PdkFunction(lambda context: context.started_at, ANY_PHASE),
    "kong.node.get_id": PdkFunction(lambda context: context.node.id, ANY_PHASE),
    "kong.node.get_hostname": PdkFunction(lambda _: socket.gethostname(), ANY_PHASE),
    "kong.node.get_memory_stats": PdkFunction(_memory_stats, ANY_PHASE),
    "kong.plugin.get_id": PdkFunction(lambda context: context.plugin_id, ANY_PHASE),
    "kong.ip.is_trusted": PdkFunction(is_trusted, ANY_PHASE),
    "kong.vault.get": PdkFunction(_vault_get, ANY_PHASE),
    "kong.vault.is_reference": PdkFunction(lambda _, text: is_reference(text), ANY_PHASE),
    "kong.vault.parse_reference": PdkFunction(_parse_reference, ANY_PHASE),
}
