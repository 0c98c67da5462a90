"""The text of ``kong.log.serialize`` for external plugins, made before the log phase (``kong/pdk/log.lua``)."""

from __future__ import annotations

import json
from typing import Any

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.entities import WORKSPACE_ID
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.uri import decode_args

__all__ = ["serialize"]

_SOURCES = {"exit": "kong", "error": "kong", "service": "upstream"}
_SECRET_HEADERS = ("authorization", "proxy-authorization")


def serialize(context: RequestContext) -> str:
    """Return the JSON text that describes the request and its response."""
    upstream_path = context.upstream.path if context.route else ""
    if upstream_path and (context.query or context.target.endswith("?")):
        upstream_path += "?" + context.query
    answer = context.service_response
    route = context.route.as_table() if context.route else None
    service = context.route.service.as_table() if context.route and context.route.service else None
    root: dict[str, Any] = {
        "request": _request(context),
        "response": {
            "status": context.response.status,
            "headers": context.response.headers.as_table(),
            "size": len(context.response.body) + sum(len(k) + len(v) + 4 for k, v in context.response.headers) + 19,
        },
        "upstream_uri": upstream_path,
        "upstream_status": answer.status if answer else "",
        "latencies": {"kong": 0, "proxy": -1, "request": 0, "receive": 0} | context.latencies_ms,
        "tries": context.tries,
        "client_ip": context.client_ip,
        "started_at": int(context.started_at * 1000),
        "source": _SOURCES[context.source],
        "workspace": WORKSPACE_ID,
        "workspace_name": "default",
        "authenticated_entity": _authenticated(context),
        "route": route,
        "service": service,
        "consumer": context.consumer,
    }
    root = {name: value for name, value in root.items() if value is not None}
    for key, value, mode in context.serialize_values:
        _edit(root, key.split("."), value, mode)
    return json.dumps(root, separators=(",", ":"), ensure_ascii=False).replace("/", "\\/")


def _request(context: RequestContext) -> dict[str, Any]:
    headers = context.headers.as_table()
    for name in _SECRET_HEADERS:
        if name in headers:
            headers[name] = "REDACTED"
    head = sum(len(name) + len(value) + 4 for name, value in context.headers)
    return {
        "id": context.request_id,
        "uri": context.target,
        "url": f"{context.scheme}://{context.host}:{context.server_port}{context.target}",
        "querystring": decode_args(context.query),
        "method": context.method,
        "headers": headers,
        "size": len(context.method) + len(context.target) + 14 + head + len(context.body),
    }


def _authenticated(context: RequestContext) -> dict[str, Any] | None:
    if context.credential is None:
        return None
    consumer = context.consumer or {}
    entity = {"id": context.credential.get("id"), "consumer_id": consumer.get("id")}
    return {name: value for name, value in entity.items() if value is not None}


def _edit(root: dict[str, Any], path: list[str], value: Any, mode: str) -> None:
    """Apply one ``set_serialize_value``: set, add where absent, or replace where present.

    Raises:
        LuaError: a part of the path is no table.
    """
    node = root
    for name in path[:-1]:
        if name not in node:
            if mode == "replace":
                return
            node[name] = {}
        if not isinstance(node[name], dict):
            raise LuaError(f"the key {'.'.join(path)!r} could not be used as a serialize value: {name!r} is no table")
        node = node[name]
    if mode == "set" or (mode == "add") == (path[-1] not in node):
        if value is None:
            node.pop(path[-1], None)
        else:
            node[path[-1]] = value
