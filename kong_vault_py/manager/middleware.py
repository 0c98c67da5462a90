"""Around every request: headers that keep browsers safe, metrics, and text that can't be a path."""

from __future__ import annotations

import time
from collections.abc import Mapping

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kong_vault_py.manager.metrics import Metrics

__all__ = ["CONTENT_SECURITY_POLICY", "Guard"]

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
# The API reference, where an operator asked for it, loads its scripts from a CDN.
_DOCS_POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; "
    "style-src 'self' 'unsafe-inline' https://cdn.jsdelivr.net; img-src 'self' data: https://fastapi.tiangolo.com; "
    "connect-src 'self'; frame-ancestors 'none'"
)
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_TRANSPORT = {"Strict-Transport-Security": "max-age=31536000"}


class Guard:
    """ASGI middleware.

    Args:
        app: the application.
        metrics: counts the requests.
        https: browsers come by TLS.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics, https: bool) -> None:
        self._app = app
        self._metrics = metrics
        self._headers: Mapping[str, str] = {**_HEADERS, **(_TRANSPORT if https else {})}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began = time.monotonic()
        status = 500

        async def send_guarded(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                self._guard(scope["path"], MutableHeaders(scope=message))
            await send(message)

        try:
            if "\0" in scope["path"] or b"%00" in scope["query_string"]:
                await JSONResponse({"message": "a path and a query can't hold NUL"}, 400)(scope, receive, send_guarded)
            else:
                await self._app(scope, receive, send_guarded)
        finally:
            route = getattr(scope.get("route"), "path", "unmatched")
            self._metrics.request(scope["method"], route, status, time.monotonic() - began)

    def _guard(self, path: str, headers: MutableHeaders) -> None:
        for name, value in self._headers.items():
            headers.setdefault(name, value)
        headers.setdefault("Content-Security-Policy", _DOCS_POLICY if path == "/docs" else CONTENT_SECURITY_POLICY)
        headers.setdefault("Cache-Control", "no-store")
