"""One request inside the gateway: what Nginx and Kong know of it while its phases run."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.testing.entities import Consumer, Route
from kong_vault_py.testing.headers import Headers
from kong_vault_py.testing.log import KongLog

__all__ = ["NodeState", "RequestContext", "Response", "ServiceResponse", "Upstream"]


@dataclass
class NodeState:
    """What all requests of a gateway share.

    Attributes:
        log: the error log.
        resolve: returns the value of a vault reference, ``None`` where there is none.
        kong_version: the version that the gateway claims in ``Via`` and ``Server``.
        trusted_ips: addresses and networks whose ``X-Forwarded-*`` headers count.
        consumers: what ``kong.client.load_consumer`` finds.
        upstreams: what ``kong.service.set_upstream`` finds: name to URL.
        id: the node's UUID.
    """

    log: KongLog
    resolve: Callable[[str], str | None]
    kong_version: str = "3.9.3"
    trusted_ips: tuple[str, ...] = ()
    consumers: list[Consumer] = field(default_factory=list)
    upstreams: Mapping[str, str] = field(default_factory=dict)
    id: str = field(default_factory=lambda: str(uuid.uuid4()))


@dataclass
class Upstream:
    """Where the request will go, as far as plugins and the route have decided."""

    scheme: str = "http"
    host: str = ""
    port: int = 80
    path: str = "/"
    host_header: str | None = None
    timeout_s: float = 60.0


@dataclass
class Response:
    """What the client will get."""

    status: int = 200
    headers: Headers = field(default_factory=Headers)
    body: bytes = b""


@dataclass
class ServiceResponse:
    """What the upstream answered."""

    status: int
    headers: Headers
    body: bytes


@dataclass
class RequestContext:
    """A request, its response to be, and the flags that Kong keeps in ``ngx.ctx``.

    Attributes:
        target: the request line's path and query, untouched.
        query: the query string as plugins see and change it.
        phase: the phase that runs now.
        request_id: Kong's id of the request, as in ``X-Kong-Request-Id``.
        nginx_request_id: Nginx's own id of it, another one.
        timer: whether the phase runs in a timer (log): nothing of Nginx's request is left there but saved data.
        buffered: whether the response is buffered, so that plugins can see its body.
    """

    node: NodeState
    method: str
    target: str
    query: str
    http_version: float
    headers: Headers
    body: bytes
    server_port: int
    client_ip: str
    client_port: int
    request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    nginx_request_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    scheme: str = "http"
    started_at: float = field(default_factory=time.time)
    phase: str = "rewrite"
    timer: bool = False
    route: Route | None = None
    upstream: Upstream = field(default_factory=Upstream)
    response: Response = field(default_factory=Response)
    service_response: ServiceResponse | None = None
    buffered: bool = False
    proxied: bool = False
    exited: bool = False
    unexpected: bool = False
    consumer: dict[str, Any] | None = None
    credential: dict[str, Any] | None = None
    shared: dict[str, Any] = field(default_factory=dict)
    ngx_ctx: dict[str, Any] = field(default_factory=dict)
    serialize_values: list[tuple[str, Any, str]] = field(default_factory=list)
    tries: list[dict[str, Any]] = field(default_factory=list)
    latencies_ms: dict[str, int] = field(default_factory=dict)
    serialized: str = ""
    plugin_id: str = ""
    plugin_name: str = ""

    @property
    def host(self) -> str:
        """The host the client asked for, lower case and without port."""
        return (self.headers.get("host") or "localhost").rsplit("]", 1)[-1].split(":")[0].lower() or "localhost"

    @property
    def raw_path(self) -> str:
        """The path as the client sent it."""
        return self.target.partition("?")[0]

    @property
    def source(self) -> str:
        """Where the response comes from: ``error``, ``exit`` or ``service`` (``kong.response.get_source``)."""
        if self.unexpected:
            return "error"
        if self.exited:
            return "exit"
        return "service" if self.proxied else "error"
