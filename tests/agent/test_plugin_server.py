"""Plugin servers and the agent: one that asks it, and one that is it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.agent.agent_process import AgentProcess, Shelf
from tests.agent.http_over_socket import ask, resolve
from tests.pluginserver.kong_client import Kong, Outcome
from tests.pluginserver.server_process import PluginServer
from tests.servers.polling import wait_until

Start = Callable[..., AgentProcess]

_PLUGIN = """
from kong_vault_py.plugin import bind, pdk


class Plugin:
    def __init__(self, config):
        self.config = bind(config)

    def access(self, kong):
        pdk(kong).service.request.set_header("x-results", self.config.current()["password"].reveal())
"""


class StartServer:
    """Starts a plugin server with the one plugin "telling"."""

    def __init__(self, folder: Path, stack: contextlib.ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        plugins = folder / "plugins"
        plugins.mkdir()
        (plugins / "telling.py").write_text(_PLUGIN)

    def __call__(self, settings: dict[str, object], *arguments: object) -> PluginServer:
        path = self._folder / "server.conf"
        path.touch(mode=0o600)
        path.write_text("".join(f"{key} = {value}\n" for key, value in settings.items()))
        server = PluginServer(
            self._folder / "kong.sock",
            self._folder / "server.log",
            *("-d", self._folder / "plugins", "--settings", path, *arguments),
        )
        self._stack.callback(server.stop)
        return server

    def kong(self, server: PluginServer) -> Kong:
        return self._stack.enter_context(contextlib.closing(Kong(server.path)))


@pytest.fixture
def start_server(folder: Path) -> Iterator[StartServer]:
    with contextlib.ExitStack() as stack:
        yield StartServer(folder, stack)


def ended(outcome: Outcome) -> list[object]:
    return [outcome.calls[-1][1][0], outcome.end]


def test_a_plugin_gets_its_secrets_from_the_agent_alone(
    start_agent: Start, shelf: Shelf, start_server: StartServer
) -> None:
    shelf.put("db", '{"password": "pw-1"}')
    agent = start_agent(vault_shelf_ttl=0.2)
    server = start_server({"vault_py_agent": agent.path})
    kong = start_server.kong(server)
    instance = kong.start("telling", password="{vault://shelf/db/password}")

    assert kong.results(instance) == "pw-1"

    shelf.put("db", '{"password": "pw-2"}')
    wait_until(lambda: kong.results(instance) == "pw-2", "the rotated password")

    assert agent.stop() == 0
    assert kong.results(instance) == "pw-2"
    missing = kong.start("telling", password="{vault://shelf/other}")
    assert ended(kong.event(missing, "access")) == [503, "exit"]
    assert server.stop() == 0


@pytest.mark.parametrize("way", ["option", "setting"])
def test_the_plugin_server_is_the_agent_itself_on_the_same_cache(
    folder: Path, start_server: StartServer, way: str
) -> None:
    secrets = folder / "secrets"
    secrets.mkdir()
    (secrets / "db").write_text('{"password": "pw-1"}')
    settings: dict[str, object] = {"vault_fs_prefix": secrets, "vault_py_agent_socket": folder / "agent.sock"}
    arguments = ["--agent"] if way == "option" else []
    server = start_server(settings if arguments else {**settings, "vault_py_pluginserver_agent": "on"}, *arguments)
    kong = start_server.kong(server)

    told = kong.results(kong.start("telling", password="{vault://fs/db/password}"))
    answer = resolve(folder / "agent.sock", "{vault://fs/db/password}")
    status = ask(folder / "agent.sock", "GET", "/v1/status").body

    assert told == answer.body["value"] == "pw-1"
    assert status["counts"]["fetches"] == 1
    assert server.stop() == 0
    assert not (folder / "agent.sock").exists()


def test_an_agent_that_cannot_serve_is_one_line(folder: Path, start_server: StartServer) -> None:
    (folder / "agent.sock").write_text("precious")

    with pytest.raises(AssertionError, match="kong-vault pluginserver: socket .*a file that is no socket is there"):
        start_server({"vault_py_agent_socket": folder / "agent.sock"}, "--agent")
