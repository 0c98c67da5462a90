"""``kong.service.request.*`` (``kong/pdk/service/request.lua``)."""

from __future__ import annotations

from typing import Any

from kong_vault_py.dialect.lua_value import to_bytes, tostring
from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.body import encode_body
from kong_vault_py.testing.pdk.function import PdkFunction, expect, phases
from kong_vault_py.testing.pdk.header_arguments import check_header, check_headers
from kong_vault_py.testing.uri import encode_args, escape_path

__all__ = ["FUNCTIONS"]

_EARLY = phases("rewrite", "access")
_UNTIL_BALANCER = phases("rewrite", "access", "balancer")
_TLS = phases("preread", "balancer")
_METHODS = (
    *("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS", "PATCH", "TRACE"),
    *("MKCOL", "COPY", "MOVE", "PROPFIND", "PROPPATCH", "LOCK", "UNLOCK"),
)


def _set_scheme(context: RequestContext, scheme: Any) -> None:
    expect(scheme, "string", "scheme must be a string")
    if scheme not in ("http", "https"):
        raise LuaError(f"invalid scheme: {scheme}")
    context.upstream.scheme = scheme


def _set_path(context: RequestContext, path: Any) -> None:
    expect(path, "string", "path must be a string")
    if not path.startswith("/"):
        raise LuaError("path must start with /")
    context.upstream.path = escape_path(path)


def _set_raw_query(context: RequestContext, query: Any) -> None:
    expect(query, "string", "query must be a string")
    context.query = query


def _set_query(context: RequestContext, arguments: Any) -> None:
    expect(arguments, "table", "args must be a table")
    try:
        context.query = encode_args(dict(arguments))
    except (TypeError, ValueError) as error:
        raise LuaError(f"arg keys must be strings: {error}") from error


def _clear_query_arg(context: RequestContext, name: Any) -> None:
    expect(name, "string", "query argument name must be a string")
    kept = [pair for pair in context.query.split("&") if pair.partition("=")[0] != name]
    context.query = "&".join(kept).replace("+", "%20")


def _set_method(context: RequestContext, method: Any) -> None:
    expect(method, "string", "method must be a string")
    if method not in _METHODS:
        raise LuaError(f"invalid method: {method}")
    context.method = method


def _set_header(context: RequestContext, name: Any, value: Any) -> Any:
    check_header(name, value)
    if name == ":authority":
        # nil and an error in Kong, and the error is lost on the way.
        return None
    _note_host(context, name, value)
    context.headers.set(name, value)
    return None


def _note_host(context: RequestContext, name: str, value: Any) -> None:
    if name.lower() == "host":
        context.upstream.host_header = tostring(value[-1] if isinstance(value, list) else value)


def _add_header(context: RequestContext, name: Any, value: Any) -> None:
    check_header(name, value)
    _note_host(context, name, value)
    context.headers.add(name, value)


def _clear_header(context: RequestContext, name: Any) -> None:
    expect(name, "string", "header must be a string")
    context.headers.remove(name)


def _set_headers(context: RequestContext, headers: Any) -> None:
    check_headers(headers)
    for name, value in dict(headers).items():
        _note_host(context, name, value)
        context.headers.set(name, value)


def _set_raw_body(context: RequestContext, body: Any) -> None:
    expect(body, "string", "body must be a string")
    context.body = to_bytes(body)


def _set_body(context: RequestContext, arguments: Any, content_type: Any) -> bool | None:
    expect(arguments, "table", "args must be a table")
    if content_type is not None:
        expect(content_type, "string", "mime must be a string")
    chosen = content_type or context.headers.get("content-type")
    if not chosen:
        return None
    context.body, written = encode_body(arguments, chosen)
    context.headers.set("content-type", written)
    return True


def _enable_buffering(context: RequestContext) -> None:
    context.buffered = True


def _tls(_: RequestContext) -> bool:
    return True


FUNCTIONS = {
    "kong.service.request.enable_buffering": PdkFunction(_enable_buffering, _UNTIL_BALANCER),
    "kong.service.request.set_scheme": PdkFunction(_set_scheme, _UNTIL_BALANCER),
    "kong.service.request.set_path": PdkFunction(_set_path, _UNTIL_BALANCER),
    "kong.service.request.set_raw_query": PdkFunction(_set_raw_query, _EARLY),
    "kong.service.request.set_query": PdkFunction(_set_query, _EARLY),
    "kong.service.request.clear_query_arg": PdkFunction(_clear_query_arg, _EARLY),
    "kong.service.request.set_method": PdkFunction(_set_method, _EARLY),
    "kong.service.request.set_header": PdkFunction(_set_header, _UNTIL_BALANCER),
    "kong.service.request.add_header": PdkFunction(_add_header, _EARLY),
    "kong.service.request.clear_header": PdkFunction(_clear_header, _EARLY),
    "kong.service.request.set_headers": PdkFunction(_set_headers, _EARLY),
    "kong.service.request.set_raw_body": PdkFunction(_set_raw_body, _UNTIL_BALANCER),
    "kong.service.request.set_body": PdkFunction(_set_body, _EARLY),
    "kong.service.request.enable_tls": PdkFunction(_tls, _TLS),
    "kong.service.request.disable_tls": PdkFunction(_tls, _TLS),
}
