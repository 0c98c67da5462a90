"""Responses that Kong makes itself, and the last touches on every response (``send`` of ``kong/pdk/response.lua``)."""

from __future__ import annotations

import json
from email.utils import formatdate

from kong_vault_py.dialect.lua_value import to_bytes
from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import ResponseExit

__all__ = ["finish", "produce"]

_JSON = "application/json; charset=utf-8"


def produce(context: RequestContext, answer: ResponseExit) -> None:
    """Make an answer of a plugin, or of the gateway itself, the response."""
    response = context.response
    response.status = answer.status
    for name, value in answer.headers.items():
        if name.lower().replace("_", "-") == "transfer-encoding":
            context.node.log.write("warn", "manually setting Transfer-Encoding. Ignored.")
        else:
            response.headers.set(name.replace("_", "-"), value)
    if isinstance(answer.body, (dict, list)):
        if not any(name.lower().replace("_", "-") == "content-type" for name in answer.headers):
            response.headers.set("Content-Type", _JSON)
        text = json.dumps(answer.body or {}, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/")
        response.body = to_bytes(text)
    else:
        response.body = to_bytes(answer.body or "")


def finish(context: RequestContext, *, keep_alive: bool) -> None:
    """Add the headers that Nginx and Kong put on every response."""
    headers = context.response.headers
    server = f"kong/{context.node.kong_version}"
    for name in ("transfer-encoding", "content-length"):
        if context.method != "HEAD" or name == "transfer-encoding":
            headers.remove(name)
    if context.method != "HEAD":
        headers.set("Content-Length", str(len(context.response.body)))
    if "date" not in headers:
        headers.set("Date", formatdate(usegmt=True))
    if context.proxied:
        headers.set("X-Kong-Upstream-Latency", str(context.latencies_ms.get("proxy", 0)))
        headers.set("X-Kong-Proxy-Latency", str(context.latencies_ms.get("kong", 0)))
        headers.set("Via", ", ".join([*headers.get_all("via"), f"1.1 {server}"]))
        if "server" not in headers:
            headers.set("Server", server)
    else:
        headers.set("X-Kong-Response-Latency", str(context.latencies_ms.get("kong", 0)))
        headers.set("Server", server)
    headers.set("X-Kong-Request-Id", context.request_id)
    headers.set("Connection", "keep-alive" if keep_alive else "close")
