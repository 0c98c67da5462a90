"""``kong.response.*`` (``kong/pdk/response.lua``)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.error_body import error_body, message_of, response_type
from kong_vault_py.testing.failures import LuaError, ResponseExit
from kong_vault_py.testing.pdk.function import PdkFunction, expect, phases
from kong_vault_py.testing.pdk.header_arguments import check_header, check_headers
from kong_vault_py.testing.pdk.request import check_limit

__all__ = ["FUNCTIONS", "error"]

_READ = phases("response", "header_filter", "body_filter", "log", "error", "admin_api")
_WRITE = phases("rewrite", "access", "response", "balancer", "header_filter", "error", "admin_api")
_BODY = phases("body_filter")


def _get_header(context: RequestContext, name: Any) -> str | None:
    expect(name, "string", "header name must be a string")
    return context.response.headers.get(name)


def _get_headers(context: RequestContext, limit: Any) -> dict[str, Any]:
    check_limit(limit, "max_headers")
    return context.response.headers.as_table(limit)


def _set_status(context: RequestContext, status: Any) -> None:
    context.response.status = _status(status, 100)


def _status(status: Any, minimum: int) -> int:
    expect(status, "number", "code must be a number")
    if not minimum <= status <= 599:
        raise LuaError(f"code must be a number between {minimum} and 599")
    return int(status)


def _set_header(context: RequestContext, name: Any, value: Any) -> None:
    check_header(name, value)
    _set(context, name, value)


def _set(context: RequestContext, name: str, value: Any) -> None:
    if name.lower().replace("_", "-") == "transfer-encoding":
        context.node.log.write("warn", "manually setting Transfer-Encoding. Ignored.")
        return
    context.response.headers.set(name.replace("_", "-"), value)


def _add_header(context: RequestContext, name: Any, value: Any) -> None:
    check_header(name, value)
    context.response.headers.add(name.replace("_", "-"), value)


def _clear_header(context: RequestContext, name: Any) -> None:
    expect(name, "string", "header name must be a string")
    context.response.headers.remove(name)


def _set_headers(context: RequestContext, headers: Any) -> None:
    check_headers(headers)
    for name, value in dict(headers).items():
        _set(context, name, value)


def _exit(context: RequestContext, status: Any, body: Any, headers: Any) -> None:
    code = _status(status, 100)
    if body is not None and not isinstance(body, (str, dict, list)):
        raise LuaError("body must be a nil, string or table")
    if headers is not None:
        expect(headers, "table", "headers must be a nil or table")
        check_headers(headers)
    context.exited = True
    raise ResponseExit(code, body, dict(headers or {}))


def _error(context: RequestContext, status: Any, message: Any, headers: Any) -> None:
    code = _status(status, 400)
    if isinstance(message, (dict, list)):
        message = json.dumps(message, separators=(",", ":"), ensure_ascii=False)
    if message is not None:
        expect(message, "string", "message must be a nil, a string or a table")
    if headers is not None:
        expect(headers, "table", "headers must be a nil or table")
        check_headers(headers)
    raise error(context, code, message, dict(headers or {}))


def error(
    context: RequestContext, status: int, message: str | None = None, headers: Mapping[str, Any] | None = None
) -> ResponseExit:
    """Return what ends the request with an error body in the format that the client accepts."""
    chosen = dict(headers or {})
    given = next((value for name, value in chosen.items() if name == "Content-Type"), None)
    content_type = (given[0] if isinstance(given, list) else given) or response_type(context.headers.get("accept"))
    chosen["Content-Type"] = content_type
    context.exited = True
    return ResponseExit(
        status, error_body(str(content_type), message or message_of(status), context.request_id), chosen
    )


def _set_raw_body(context: RequestContext, body: Any) -> None:
    expect(body, "string", "body must be a string")
    context.response.body = body.encode("utf-8", "surrogateescape")


FUNCTIONS = {
    "kong.response.get_status": PdkFunction(lambda context: context.response.status, _READ),
    "kong.response.get_header": PdkFunction(_get_header, _READ),
    "kong.response.get_headers": PdkFunction(_get_headers, _READ),
    "kong.response.get_source": PdkFunction(lambda context: context.source, _READ),
    "kong.response.set_status": PdkFunction(_set_status, _WRITE),
    "kong.response.set_header": PdkFunction(_set_header, _WRITE),
    "kong.response.add_header": PdkFunction(_add_header, _WRITE),
    "kong.response.clear_header": PdkFunction(_clear_header, _WRITE),
    "kong.response.set_headers": PdkFunction(_set_headers, _WRITE),
    "kong.response.exit": PdkFunction(_exit, _WRITE),
    "kong.response.error": PdkFunction(_error, _WRITE),
    # External plugins have no body_filter phase: a call always fails, as in Kong.
    "kong.response.get_raw_body": PdkFunction(lambda context: context.response.body, _BODY),
    "kong.response.set_raw_body": PdkFunction(_set_raw_body, _BODY),
}
