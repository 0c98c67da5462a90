"""``kong.request.*`` (``kong/pdk/request.lua``; the log timer's versions: ``plugin_servers/plugin.lua``)."""

from __future__ import annotations

from typing import Any

from kong_vault_py.dialect.lua_number import tonumber
from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.body import decode_body
from kong_vault_py.testing.pdk.function import PdkFunction, expect, phases
from kong_vault_py.testing.pdk.node import is_trusted
from kong_vault_py.testing.uri import decode_args, normalize_path

__all__ = ["FUNCTIONS"]

_MAX_ITEMS = 1000
#: Kong's default of client_body_buffer_size.
_BODY_BUFFER_BYTES = 8 * 1024
_REQUEST = phases(
    "rewrite", "access", "balancer", "response", "header_filter", "body_filter", "log", "error", "admin_api"
)
_BEFORE_CONTENT = phases("rewrite", "access", "response", "error", "admin_api")


def check_limit(limit: Any, name: str) -> None:
    """Check an optional ``max_headers``/``max_args`` argument.

    Raises:
        LuaError: it is no number from 1 to 1000.
    """
    if limit is None:
        return
    expect(limit, "number", f"{name} must be a number")
    if not 1 <= limit <= _MAX_ITEMS:
        raise LuaError(f"{name} must be between 1 and {_MAX_ITEMS}")


def get_header(context: RequestContext, name: Any) -> str | None:
    """Return a header's first value."""
    expect(name, "string", "header name must be a string")
    return context.headers.get(name)


def _get_headers(context: RequestContext, limit: Any) -> dict[str, Any]:
    check_limit(limit, "max_headers")
    return context.headers.as_table(limit)


def _get_query(context: RequestContext, limit: Any) -> dict[str, Any]:
    check_limit(limit, "max_args")
    return decode_args(context.query, limit)


def _get_query_arg(context: RequestContext, name: Any) -> Any:
    expect(name, "string", "query argument name must be a string")
    value = decode_args(context.query).get(name)
    return value[0] if isinstance(value, list) else value


def _get_body(context: RequestContext, mimetype: Any, max_args: Any) -> Any:
    check_limit(max_args, "max_args")
    content_type = mimetype or context.headers.get("content-type")
    return decode_body(context.body, content_type, max_args)


def _get_raw_body(context: RequestContext, max_file_bytes: Any) -> bytes:
    if len(context.body) <= _BODY_BUFFER_BYTES:
        return context.body
    # Nginx keeps it in a file. Kong's answer is nil then, for which the RPC has no binary: fix_raw fails.
    if max_file_bytes is None or max_file_bytes < 0:
        raise LuaError("request body did not fit into client body buffer, consider raising 'client_body_buffer_size'")
    if 0 < max_file_bytes < len(context.body):
        raise LuaError(f"request body file too big: {len(context.body)} > {max_file_bytes}")
    return context.body


def _forwarded(context: RequestContext, header: str) -> str | None:
    return context.headers.get(header) if is_trusted(context, context.client_ip) else None


def _forwarded_host(context: RequestContext) -> tuple[str, str] | None:
    """Return host and port text of ``X-Forwarded-Host`` where it counts."""
    given = _forwarded(context, "x-forwarded-host")
    if given is None:
        return None
    host, _, port = given.rpartition("@")[2].partition(":")
    return host.lower(), port


def get_forwarded_scheme(context: RequestContext) -> str:
    """Return the scheme the client used, behind a trusted proxy too."""
    return (_forwarded(context, "x-forwarded-proto") or context.scheme).lower()


def get_forwarded_host(context: RequestContext) -> str:
    """Return the host the client asked for, behind a trusted proxy too."""
    given = _forwarded_host(context)
    return given[0] if given else context.host


def get_forwarded_port(context: RequestContext) -> int:
    """Return the port the client asked for, behind a trusted proxy too."""
    given = _forwarded_host(context)
    for text in (_forwarded(context, "x-forwarded-port"), given[1] if given else None):
        port = tonumber(text) if text else None
        if isinstance(port, int) and 1 <= port <= 65535:
            return port
    return context.server_port


def get_forwarded_path(context: RequestContext) -> str:
    """Return the path the client asked for, behind a trusted proxy too."""
    return _forwarded(context, "x-forwarded-path") or normalize_path(context.raw_path)


def get_forwarded_prefix(context: RequestContext) -> str | None:
    """Return the part of the path that the route strips, ``None`` for none."""
    route = context.route
    own = route.path if route and route.strip_path and route.path != "/" else None
    return _forwarded(context, "x-forwarded-prefix") or own


def _uri_captures(_: RequestContext) -> dict[str, Any]:
    return {"named": {}, "unnamed": []}


FUNCTIONS = {
    "kong.request.get_scheme": PdkFunction(lambda context: context.scheme, _REQUEST, live=True),
    "kong.request.get_host": PdkFunction(lambda context: context.host, _REQUEST, live=True),
    "kong.request.get_port": PdkFunction(lambda context: context.server_port, _REQUEST, live=True),
    "kong.request.get_forwarded_scheme": PdkFunction(get_forwarded_scheme, _REQUEST, live=True),
    "kong.request.get_forwarded_host": PdkFunction(get_forwarded_host, _REQUEST, live=True),
    "kong.request.get_forwarded_port": PdkFunction(get_forwarded_port, _REQUEST, live=True),
    "kong.request.get_forwarded_path": PdkFunction(get_forwarded_path, _REQUEST, live=True),
    "kong.request.get_forwarded_prefix": PdkFunction(get_forwarded_prefix, _REQUEST, live=True),
    "kong.request.get_http_version": PdkFunction(lambda context: context.http_version, _REQUEST, live=True),
    "kong.request.get_method": PdkFunction(lambda context: context.method, _REQUEST, live=True),
    "kong.request.get_path": PdkFunction(lambda context: normalize_path(context.raw_path), _REQUEST, live=True),
    "kong.request.get_raw_path": PdkFunction(lambda context: context.raw_path, _REQUEST, live=True),
    "kong.request.get_path_with_query": PdkFunction(lambda context: context.target, _REQUEST, live=True),
    "kong.request.get_raw_query": PdkFunction(lambda context: context.query, _REQUEST, live=True),
    "kong.request.get_query": PdkFunction(_get_query, _REQUEST, live=True),
    "kong.request.get_query_arg": PdkFunction(_get_query_arg, _REQUEST, live=True),
    "kong.request.get_header": PdkFunction(get_header, _REQUEST),
    "kong.request.get_headers": PdkFunction(_get_headers, _REQUEST),
    "kong.request.get_raw_body": PdkFunction(_get_raw_body, _BEFORE_CONTENT),
    "kong.request.get_body": PdkFunction(_get_body, _BEFORE_CONTENT),
    "kong.request.get_start_time": PdkFunction(lambda context: int(context.started_at * 1000), _REQUEST),
    "kong.request.get_uri_captures": PdkFunction(_uri_captures, _REQUEST),
}
