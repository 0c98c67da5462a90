"""The whole path in one process group: client, test gateway, our plugin server with both plugins, an upstream."""

from __future__ import annotations

import contextlib
import http.client
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kong_vault_py.testing import Consumer, EchoUpstream, Gateway, PluginEntity, PluginServerProcess
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.plugins.loading import FOLDER

CACHE, TRANSFORMER = "vault-proxy-cache", "vault-request-transformer"


class Reply(NamedTuple):
    """What a client got; header names in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def cache_status(self) -> str | None:
        return self.headers.get("x-cache-status")


class Lab:
    """A context manager; give routes their plugins with :meth:`route`.

    Args:
        folder: for the socket and the log; its path must be short.
        env: the plugin server's environment.
        stock: run Kong's own plugin server instead of ours.
        consumers: what Kong knows.
        answer: what the upstream answers; by default JSON that counts its requests.
    """

    def __init__(
        self,
        folder: Path,
        env: Mapping[str, str],
        answer: Callable[[UpstreamRequest], Answer] | None = None,
        *,
        stock: bool = False,
        consumers: Iterable[Consumer] = (),
    ) -> None:
        self._consumers = tuple(consumers)
        self.upstream = EchoUpstream(answer or self._count)
        socket = folder / "s.sock"
        commands = _stock_commands(socket) if stock else {}
        self.server = PluginServerProcess(FOLDER, socket, env=env, **commands)
        self._stack = contextlib.ExitStack()
        self._lock = threading.Lock()
        self._asked = 0

    def __enter__(self) -> Lab:
        self._stack.enter_context(self.upstream)
        self._stack.enter_context(self.server)
        self.gateway = self._stack.enter_context(
            Gateway(self.server.socket_path, self.server.dump(), upstream=self.upstream.url, consumers=self._consumers)
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def route(self, path: str, **configs: Mapping[str, Any]) -> None:
        """Add a route with ``cache={...}``, ``transformer={...}``, or any other plugin as ``vault_name={...}``."""
        names = {"cache": CACHE, "transformer": TRANSFORMER}
        plugins = [PluginEntity(names.get(name, name.replace("_", "-")), config) for name, config in configs.items()]
        self.gateway.add_route(path, plugins)

    def ask(self, target: str, method: str = "GET", body: bytes | None = None, **headers: str) -> Reply:
        """Send a request over a connection of its own; underscores in header names become hyphens."""
        address = urlsplit(self.gateway.url)
        connection = http.client.HTTPConnection(str(address.hostname), address.port, timeout=30)
        with contextlib.closing(connection):
            connection.request(method, target, body, {name.replace("_", "-"): value for name, value in headers.items()})
            answer = connection.getresponse()
            return Reply(answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read())

    def pdk_calls(self, phase: str) -> Counter[str]:
        """The PDK calls so far in one phase, by name."""
        return Counter(call.method.removeprefix("kong.") for call in self.gateway.calls if call.phase == phase)

    def log_lines(self, level: str) -> list[str]:
        return [line.message for line in self.gateway.logs if line.level == level]

    def _count(self, _: UpstreamRequest) -> Answer:
        with self._lock:
            self._asked += 1
            return Answer(200, {"Content-Type": "application/json"}, b'{"asked": %d}' % self._asked)


def _stock_commands(socket: Path) -> dict[str, list[str]]:
    start = "import sys; sys.argv[0] = 'stock'; from kong_pdk.cli import start_server; start_server()"
    stock = [sys.executable, "-W", "ignore", "-c", start, "-d", str(FOLDER), "-p", str(socket.parent)]
    return {"command": [*stock, "--socket-name", socket.name], "dump_command": [*stock, "--dump-all-plugins"]}
