"""The gateway in front of real plugin servers, ours and Kong's own, by the fixtures that plugin authors use."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kong_vault_py.testing import Gateway, PluginEntity, PluginServerProcess
from kong_vault_py.testing.pytest_plugin import StartGateway, kong_gateway, kong_upstream
from tests.gateway.asking import ask

__all__ = ["kong_gateway", "kong_upstream"]

SERVED = Path(__file__).parent / "served"
STOCK_START = "from kong_pdk.cli import start_server; start_server()"
STOCK = [sys.executable, "-W", "ignore", "-c", STOCK_START, "-d", str(SERVED)]


@pytest.fixture(params=["ours", "stock"])
def start(request: pytest.FixtureRequest, kong_gateway: StartGateway) -> Callable[..., Gateway]:
    if request.param == "ours":
        return lambda **options: kong_gateway(SERVED, **options)
    stock = {
        "command": [*STOCK, "-p", "{folder}", "--socket-name", "{name}"],
        "dump_command": [*STOCK, "--dump-all-plugins"],
    }
    return lambda **options: kong_gateway(SERVED, **stock, **options)


def test_whole_path(start: Callable[..., Gateway], kong_gateway: StartGateway) -> None:
    gateway = start(vault={"{vault://env/token}": "sesame"}, rotate_connections=True)
    gateway.add_plugin("sampler", {"secret": "{vault://env/token}"})
    gateway.add_route("/api")

    answer = ask(gateway.url + "/api/x?b=1&a")

    assert answer.status == 200
    assert answer.headers["x-secret-length"] == "6"
    assert answer.headers["x-body-length"] == str(len(answer.body))
    seen = answer.json()["headers"]
    assert (seen["x-rewritten"], seen["x-greeting"], seen["x-query"]) == ("1", "hello", "['a', 'b']")
    gateway.drain()
    assert [(line.level, line.message) for line in gateway.logs] == [("notice", "done: {")]
    assert len(kong_gateway.upstream.requests) == 1


def test_denied_request_does_not_reach_the_upstream(start: Callable[..., Gateway], kong_gateway: StartGateway) -> None:
    gateway = start()
    gateway.add_route("/", [PluginEntity("sampler")])

    answer = ask(gateway.url, headers={"x-deny": "1"})

    assert (answer.status, answer.headers["x-denied"], answer.json()) == (403, "1", {"message": "denied"})
    assert kong_gateway.upstream.requests == []


def test_raising_constructor_is_500(start: Callable[..., Gateway]) -> None:
    gateway = start()
    gateway.add_route("/", [PluginEntity("sampler", {"greeting": "raise"})])

    assert ask(gateway.url).status == 500
    assert any("starting instance: " in line.message for line in gateway.logs)


def test_killed_server_that_comes_back_gets_new_instances(kong_gateway: StartGateway) -> None:
    gateway = kong_gateway(SERVED)
    gateway.add_route("/", [PluginEntity("sampler")])
    assert ask(gateway.url).headers["x-secret-length"] == "0"
    gateway.drain()

    kong_gateway.servers[0].kill()
    assert "x-secret-length" not in ask(gateway.url).headers
    gateway.drain()
    kong_gateway.servers[0].start()

    assert ask(gateway.url).headers["x-secret-length"] == "0"
    assert "warn" in [line.level for line in gateway.logs]


def test_server_that_ends_at_once_says_why(socket_path: Path) -> None:
    server = PluginServerProcess(SERVED, socket_path, command=[sys.executable, "-c", "raise SystemExit('no luck')"])

    with pytest.raises(RuntimeError, match="ended: no luck"):
        server.start()
    with pytest.raises(RuntimeError, match="not started"):
        _ = server.pid


def test_server_that_never_listens_is_stopped(socket_path: Path) -> None:
    command = [sys.executable, "-c", "import signal; signal.pause()"]
    server = PluginServerProcess(SERVED, socket_path, command=command, start_timeout_s=0.1)

    with pytest.raises(RuntimeError, match="does not listen after"):
        server.start()


def test_dump_that_is_no_json_says_what_it_was(socket_path: Path) -> None:
    server = PluginServerProcess(SERVED, socket_path, dump_command=[sys.executable, "-c", "print('oops')"])

    with pytest.raises(RuntimeError, match="printed no JSON dump: oops"):
        server.dump()
