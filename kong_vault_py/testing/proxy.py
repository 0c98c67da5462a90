"""From the gateway to the upstream: the request as Kong's ``proxy_pass`` sends it, the answer, or how it failed."""

from __future__ import annotations

import http.client
import time

from kong_vault_py.dialect.lua_value import to_bytes, to_text
from kong_vault_py.testing.context import RequestContext, ServiceResponse
from kong_vault_py.testing.headers import Headers
from kong_vault_py.testing.pdk.node import is_trusted
from kong_vault_py.testing.pdk.request import (
    get_forwarded_host,
    get_forwarded_path,
    get_forwarded_port,
    get_forwarded_prefix,
    get_forwarded_scheme,
)

__all__ = ["fetch"]

_HOP_BY_HOP = ("keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
_NOT_PASSED_ON = (
    *_HOP_BY_HOP,
    *("connection", "content-length", "expect", "host", "proxy", "proxy-connection", "via"),
    *("x-forwarded-for", "x-forwarded-host", "x-forwarded-path", "x-forwarded-port", "x-forwarded-prefix"),
    *("x-forwarded-proto", "x-kong-request-id", "x-real-ip"),
)


def fetch(context: RequestContext) -> ServiceResponse | int:
    """Send the request upstream and read the whole answer.

    Returns:
        The answer, or the status of the failure: 502 where the upstream can't be reached or breaks off, 504 where
        it is too slow.
    """
    upstream = context.upstream
    target = upstream.path
    if context.query or context.target.endswith("?"):
        target += "?" + context.query
    connect = http.client.HTTPSConnection if upstream.scheme == "https" else http.client.HTTPConnection
    connection = connect(upstream.host, upstream.port, timeout=upstream.timeout_s)
    context.tries.append(_try(upstream.host, upstream.port))
    try:
        connection.putrequest(context.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in _request_headers(context):
            connection.putheader(name, to_bytes(value))
        connection.endheaders(context.body or None)
        response = connection.getresponse()
        body = response.read()
    except TimeoutError:
        return 504
    except (OSError, http.client.HTTPException):
        return 502
    finally:
        connection.close()
    headers = Headers(
        (name, to_text(value.encode("latin-1")))
        for name, value in response.getheaders()
        if name.lower() not in _HOP_BY_HOP
    )
    return ServiceResponse(response.status, headers, body)


def _try(host: str, port: int) -> dict[str, object]:
    now_ns = time.time_ns()
    return {
        "balancer_start": now_ns // 1_000_000,
        "balancer_start_ns": float(now_ns),
        "balancer_latency": 0,
        "balancer_latency_ns": 0,
        "ip": host,
        "port": port,
    }


def _request_headers(context: RequestContext) -> list[tuple[str, str]]:
    upstream = context.upstream
    via = [*context.headers.get_all("via"), f"{context.http_version} kong/{context.node.kong_version}"]
    forwarded_for = [*context.headers.get_all("x-forwarded-for"), context.client_ip]
    default_port = {"http": 80, "https": 443}[upstream.scheme]
    host = upstream.host if upstream.port == default_port else f"{upstream.host}:{upstream.port}"
    real_ip = context.headers.get("x-real-ip") if is_trusted(context, context.client_ip) else None
    own: list[tuple[str, str | None]] = [
        ("Via", ", ".join(via)),
        ("Host", upstream.host_header or host),
        ("Connection", "keep-alive"),
        ("X-Forwarded-For", ", ".join(forwarded_for)),
        ("X-Forwarded-Proto", get_forwarded_scheme(context)),
        ("X-Forwarded-Host", get_forwarded_host(context)),
        ("X-Forwarded-Port", str(get_forwarded_port(context))),
        ("X-Forwarded-Path", get_forwarded_path(context)),
        ("X-Forwarded-Prefix", get_forwarded_prefix(context)),
        ("X-Real-IP", real_ip or context.client_ip),
        ("X-Kong-Request-Id", context.request_id),
        ("Content-Length", str(len(context.body)) if context.body or "content-length" in context.headers else None),
    ]
    passed_on = [(name, value) for name, value in context.headers if name.lower() not in _NOT_PASSED_ON]
    return [(name, value) for name, value in own if value is not None] + passed_on
