from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kong_vault_py.testing import EchoUpstream, Gateway
from tests.gateway.dumps import DUMP
from tests.gateway.faulty import StartGateway, StartServer
from tests.gateway.pdk_lab import Lab
from tests.gateway.server_double import Handler, ServerDouble
from tests.gateway.several_plugins import Plugins


@pytest.fixture
def socket_path() -> Iterator[Path]:
    # pytest's own tmp_path can be longer than a unix socket's path may be.
    with tempfile.TemporaryDirectory(prefix="kvp") as folder:
        yield Path(folder) / "kong.sock"


@pytest.fixture
def server(socket_path: Path) -> Iterator[Callable[[Handler], ServerDouble]]:
    started: list[ServerDouble] = []

    def start(handler: Handler) -> ServerDouble:
        started.append(ServerDouble(socket_path, handler))
        return started[-1]

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def upstream() -> Iterator[EchoUpstream]:
    with EchoUpstream() as running:
        yield running


@pytest.fixture
def gateway(socket_path: Path, upstream: EchoUpstream) -> Iterator[Callable[..., Gateway]]:
    started: list[Gateway] = []

    def start(**options: Any) -> Gateway:
        options.setdefault("upstream", upstream.url)
        one = Gateway(socket_path, options.pop("dump", DUMP), **options)
        one.start()
        started.append(one)
        return one

    yield start
    for one in started:
        one.stop()


@pytest.fixture
def lab(gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]) -> Lab:
    return Lab(gateway, server)


@pytest.fixture
def running(gateway: StartGateway, server: StartServer) -> Callable[..., tuple[Gateway, ServerDouble]]:
    def start(handler: Handler, **options: Any) -> tuple[Gateway, ServerDouble]:
        double, one = server(handler), gateway(**options)
        one.add_plugin("demo")
        one.add_route("/")
        return one, double

    return start


@pytest.fixture
def plugins(server: Callable[[Handler], ServerDouble]) -> Plugins:
    made = Plugins()
    server(made)
    return made
