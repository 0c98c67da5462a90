"""Plugin servers for the tests: one that all share, one with a short event timeout, and one's own."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong
from tests.pluginserver.server_process import PluginServer

#: Of the server that ``hasty_kong`` talks to.
SHORT_TIMEOUT_S = 0.4


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="kvp") as name:
        yield Path(name)


@pytest.fixture(scope="module")
def server() -> Iterator[PluginServer]:
    """A server that the module's tests share, and that survives them all."""
    yield from _running()


@pytest.fixture(scope="module")
def hasty_server() -> Iterator[PluginServer]:
    yield from _running("--event-timeout", SHORT_TIMEOUT_S)


@pytest.fixture
def kong(server: PluginServer) -> Iterator[Kong]:
    """A gateway at the shared server."""
    with contextlib.closing(Kong(server.path)) as gateway:
        yield gateway
    assert server.process.poll() is None, server.log


@pytest.fixture
def hasty_kong(hasty_server: PluginServer) -> Iterator[Kong]:
    """A gateway at a server that gives a phase little time."""
    with contextlib.closing(Kong(hasty_server.path)) as gateway:
        yield gateway
    assert hasty_server.process.poll() is None, hasty_server.log


@pytest.fixture
def start_server(folder: Path) -> Iterator[Callable[..., PluginServer]]:
    """Starts servers of this test's own: ``start_server(arguments...)``, on ``folder / "kong.sock"``."""
    started: list[PluginServer] = []

    def start(*arguments: object) -> PluginServer:
        made = PluginServer(folder / "kong.sock", folder / f"{len(started)}.log", *arguments)
        started.append(made)
        return made

    yield start
    for made in started:
        made.stop()


@pytest.fixture
def settings_file(folder: Path) -> Callable[..., Path]:
    """Writes a settings file: ``settings_file(name=value, ...)``."""

    def write(**values: object) -> Path:
        path = folder / "settings.conf"
        path.write_text("".join(f"{key} = {value}\n" for key, value in values.items()))
        path.chmod(0o600)
        return path

    return write


def _running(*arguments: object) -> Iterator[PluginServer]:
    with tempfile.TemporaryDirectory(prefix="kvp") as name:
        made = PluginServer(Path(name) / "kong.sock", Path(name) / "log", *arguments)
        yield made
        assert made.stop() == 0, made.log
