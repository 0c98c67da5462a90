"""The whole chain: client, gateway, plugin server, plugin, Vault and Redis."""

from __future__ import annotations

import contextlib
import http.client
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity, PluginServerProcess

PLUGINS = Path(__file__).parents[2] / "plugins"


@dataclass
class Answer:
    """What a client got."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def cache_status(self) -> str | None:
        return self.headers.get("x-cache-status")


@dataclass
class Chain:
    """A gateway in front of a real plugin server."""

    gateway: Gateway
    server: PluginServerProcess
    settings: Path
    upstream: EchoUpstream
    entities: dict[str, PluginEntity] = field(default_factory=dict)

    def add(self, plugin: str, config: Mapping[str, Any], path: str = "/") -> None:
        self.entities[path] = PluginEntity(plugin, config)
        self.gateway.add_route(path, [self.entities[path]])

    def get(self, path: str = "/") -> Answer:
        target = urlsplit(self.gateway.url)
        connection = http.client.HTTPConnection(target.hostname or "", target.port, timeout=30)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            headers = {name.lower(): value for name, value in answer.getheaders()}
            return Answer(answer.status, headers, answer.read())
        finally:
            connection.close()

    def kong_log(self) -> str:
        return "\n".join(line.message for line in self.gateway.logs)


@pytest.fixture
def chain() -> Iterator[Any]:
    """Starts the chain with settings in kong.conf's words: ``chain(vault_hcv_host=...)``."""
    with contextlib.ExitStack() as stack:

        def start(**settings: object) -> Chain:
            # A unix socket's path must be short; pytest's folders are not.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="kvp-")))
            conf = folder / "kong-vault.conf"
            conf.touch(mode=0o600)
            conf.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
            server = PluginServerProcess(
                PLUGINS, folder / "s.sock", env={"KONG_VAULT_PY_SETTINGS": str(conf)}, start_timeout_s=30
            )
            stack.enter_context(server)
            upstream = stack.enter_context(EchoUpstream())
            gateway = stack.enter_context(Gateway(server.socket_path, server.dump(), upstream=upstream.url))
            return Chain(gateway, server, conf, upstream)

        yield start
