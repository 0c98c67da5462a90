"""``vault_py_pluginserver_status_socket``: HTTP on a unix socket, for people and Prometheus to look."""

from __future__ import annotations

import json
import logging
import socket
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from gevent.pool import Pool
from gevent.pywsgi import WSGIServer

from kong_vault_py.socket_file import SocketFile
from kong_vault_py.status import FetchEvent
from kong_vault_py.vault import Vault

__all__ = ["ServerMetrics", "StatusDoor"]

log = logging.getLogger(__name__)

_MOST_CONNECTIONS = 64
_GRACE_S = 0.5
_TEXT = "text/plain; version=0.0.4; charset=utf-8"

Start = Callable[[str, list[tuple[str, str]]], object]


class ServerMetrics:
    """The page for Prometheus. It is an observer of the vault; without prometheus_client it shows nothing."""

    def __init__(self) -> None:
        self._registry: Any = None
        self._observer: Any = None
        if find_spec("prometheus_client") is not None:
            from prometheus_client import CollectorRegistry

            from kong_vault_py.metrics import HistogramObserver

            self._registry = CollectorRegistry()
            self._observer = HistogramObserver(self._registry)

    def fetched(self, event: FetchEvent) -> None:
        """Hear of a fetch."""
        if self._observer is not None:
            self._observer.fetched(event)

    def watch(self, vault: Vault, server: Callable[[], dict[str, Any]]) -> None:
        """Show how a vault and the server stand, each time the page is asked for."""
        if self._registry is not None:
            from kong_vault_py.metrics import collector
            from kong_vault_py.pluginserver.status_metrics import ServerCollector

            self._registry.register(collector(vault))
            self._registry.register(ServerCollector(server))

    def page(self) -> bytes | None:
        """Return the page, ``None`` where the package is missing."""
        if self._registry is None:
            return None
        from prometheus_client import generate_latest

        return generate_latest(self._registry)


class StatusDoor:
    """Serves the status.

    Args:
        path: where.
        vault: the process's resolver.
        server: returns the server's part of the status; may wait.
        metrics: the page for Prometheus.
    """

    def __init__(self, path: Path, vault: Vault, server: Callable[[], dict[str, Any]], metrics: ServerMetrics) -> None:
        self._vault = vault
        self._server = server
        self._metrics = metrics
        self._file = SocketFile(path, mode=0o600)
        listener = socket.socket(fileno=self._file.listen().detach())
        self._http = WSGIServer(
            listener,
            self._answer,
            spawn=Pool(_MOST_CONNECTIONS),
            log=None,
            error_log=log,
            environ={"SERVER_NAME": "localhost", "SERVER_PORT": "0"},
        )
        metrics.watch(vault, server)
        self._http.start()

    def stop(self) -> None:
        """Serve no more."""
        self._file.remove()
        self._http.stop(timeout=_GRACE_S)

    def _answer(self, environ: dict[str, Any], start: Start) -> Iterable[bytes]:
        path, method = environ["PATH_INFO"], environ["REQUEST_METHOD"]
        status, kind = "200 OK", "application/json"
        if path not in ("/v1/status", "/metrics"):
            status, body = "404 Not Found", b'{"message": "there are GET /v1/status and GET /metrics"}'
        elif method != "GET":
            status, body = "405 Method Not Allowed", b'{"message": "only GET"}'
        elif path == "/v1/status":
            body = json.dumps({**self._vault.status().as_dict(), "server": self._server()}).encode()
        elif (page := self._metrics.page()) is not None:
            body, kind = page, _TEXT
        else:
            status = "501 Not Implemented"
            body = b'{"message": "metrics need the package prometheus_client: pip install \'kong-vault-py[agent]\'"}'
        start(status, [("Content-Type", kind), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")])
        return [body]
