"""``kong.service.response.*`` (``kong/pdk/service/response.lua``)."""

from __future__ import annotations

from typing import Any

from kong_vault_py.testing.context import RequestContext, ServiceResponse
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.body import decode_body
from kong_vault_py.testing.pdk.function import PdkFunction, expect, phases
from kong_vault_py.testing.pdk.request import check_limit

__all__ = ["FUNCTIONS"]

_READ = phases("response", "header_filter", "body_filter", "log")


def _buffered(context: RequestContext) -> ServiceResponse:
    if not context.buffered or context.unexpected or context.service_response is None:
        raise LuaError("service body is only available with buffered proxying (a response phase or enable_buffering)")
    return context.service_response


def _answer(context: RequestContext, name: str) -> ServiceResponse | None:
    """Return the upstream's answer; without buffering Nginx alone has it, and the log timer has no Nginx request."""
    if not context.buffered and context.timer:
        raise LuaError(f"{name}: API disabled in the context of ngx.timer (log phase of an external plugin)")
    return context.service_response


def _get_status(context: RequestContext) -> int | None:
    answer = _answer(context, "kong.service.response.get_status")
    return answer.status if answer else None


def _get_headers(context: RequestContext, limit: Any) -> dict[str, Any]:
    check_limit(limit, "max_headers")
    answer = _answer(context, "kong.service.response.get_headers")
    # With buffering Kong returns a table that looks names up but has no entries of its own, so that external
    # plugins, who get a copy of the entries, receive nothing (attach_buffered_headers_mt).
    return answer.headers.as_table(limit) if answer and not context.buffered else {}


def _get_header(context: RequestContext, name: Any) -> str | None:
    expect(name, "string", "name must be a string")
    answer = _answer(context, "kong.service.response.get_header")
    return answer.headers.get(name) if answer else None


def _get_body(context: RequestContext, mimetype: Any, max_args: Any) -> Any:
    answer = _buffered(context)
    check_limit(max_args, "max_args")
    return decode_body(answer.body, mimetype or answer.headers.get("content-type"), max_args)


FUNCTIONS = {
    "kong.service.response.get_status": PdkFunction(_get_status, _READ),
    "kong.service.response.get_headers": PdkFunction(_get_headers, _READ),
    "kong.service.response.get_header": PdkFunction(_get_header, _READ),
    "kong.service.response.get_raw_body": PdkFunction(lambda context: _buffered(context).body, _READ),
    "kong.service.response.get_body": PdkFunction(_get_body, _READ),
}
