"""Connections as Nginx pools them, message ids, and notifications."""

from __future__ import annotations

import contextlib
import itertools
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_vault_py.testing import Gateway
from kong_vault_py.testing.pool import ConnectionPool
from kong_vault_py.testing.wire import pack
from tests.gateway.asking import ask
from tests.gateway.dumps import DUMP
from tests.gateway.server_double import Handler, Request, ScriptedPlugin, ServerDouble

StartGateway = Callable[..., Gateway]
StartServer = Callable[[Handler], ServerDouble]


@pytest.fixture
def pool(socket_path: Path, server: StartServer) -> Iterator[ConnectionPool]:
    server(ScriptedPlugin())
    made = ConnectionPool(socket_path)
    yield made
    made.close()


def test_last_connection_given_back_is_taken_first(pool: ConnectionPool) -> None:
    first, second = pool.take(), pool.take()
    pool.give_back(first)
    pool.give_back(second)

    taken = [pool.take(), pool.take(), pool.take()]
    assert [connection.number for connection in taken] == [2, 1, 3]
    for connection in taken:
        connection.close()


def test_rotating_pool_never_hands_out_the_last_connection_twice(socket_path: Path, server: StartServer) -> None:
    server(ScriptedPlugin())
    pool = ConnectionPool(socket_path, rotate=True)
    used = []
    for _ in range(6):
        connection = pool.take()
        used.append(connection.number)
        pool.give_back(connection)
    pool.close()

    assert all(one != other for one, other in itertools.pairwise(used))
    assert set(used) == {1, 2}


def test_full_pool_drops_its_oldest_connection(pool: ConnectionPool) -> None:
    connections = [pool.take() for _ in range(31)]
    for connection in connections:
        pool.give_back(connection)

    assert connections[0].socket.fileno() == -1
    assert connections[1].socket.fileno() != -1


def test_connection_that_was_idle_for_a_minute_is_closed(pool: ConnectionPool, monkeypatch: pytest.MonkeyPatch) -> None:
    pool.give_back(pool.take())
    now = pool_clock(monkeypatch)

    now[0] += 59
    pool.give_back(kept := pool.take())
    now[0] += 61
    with contextlib.closing(pool.take()) as fresh:
        assert (kept.number, fresh.number) == (1, 2)


def pool_clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    now = [time.monotonic()]
    monkeypatch.setattr("kong_vault_py.testing.pool.time.monotonic", lambda: now[0])
    return now


def test_steps_come_over_other_connections_when_asked_to(gateway: StartGateway, server: StartServer) -> None:
    plugin = ScriptedPlugin(access=[("kong.request.get_method",), ("kong.request.get_path",)])
    double, one = server(plugin), gateway(rotate_connections=True)
    one.add_route("/")
    one.add_plugin("demo")

    assert ask(one.url).status == 200

    assert [data for _, data in plugin.results] == ["GET", "/"]
    one.drain()
    used = [request.connection for request in double.requests]
    assert all(before != after for before, after in itertools.pairwise(used))


def test_requests_one_after_the_other_share_one_connection(gateway: StartGateway, server: StartServer) -> None:
    double, one = server(ScriptedPlugin()), gateway()
    one.add_route("/")
    one.add_plugin("demo")

    for _ in range(3):
        ask(one.url)
        one.drain()

    assert {request.connection for request in double.requests} == {1}


def test_each_plugin_counts_its_own_message_ids(gateway: StartGateway, server: StartServer) -> None:
    other = {**DUMP[0], "Name": "other", "Priority": 5}
    double, one = server(ScriptedPlugin()), gateway(dump=[*DUMP, other])
    one.add_route("/")
    one.add_plugin("demo")
    one.add_plugin("other")

    ask(one.url)

    starts = [request for request in double.requests if request.method == "plugin.StartInstance"]
    assert [(request.argument["Name"], request.msgid) for request in starts] == [("demo", 1), ("other", 1)]
    assert [record.method for record in one.rpcs][:2] == ["plugin.StartInstance", "plugin.HandleEvent"]


@pytest.mark.parametrize(("second_pid", "starts"), [(100, 1), (200, 2)], ids=["same", "changed"])
def test_changed_server_pid_drops_the_instances(
    gateway: StartGateway, server: StartServer, second_pid: int, starts: int
) -> None:
    plugin, pids = ScriptedPlugin(), iter([100, second_pid])

    def handler(request: Request) -> bytes | None:
        answer = plugin(request)
        if request.argument.get("EventName") != "rewrite":
            return answer
        return pack([2, "serverPid", next(pids)]) + (answer or b"")

    double, one = server(handler), gateway()
    one.add_route("/")
    one.add_plugin("demo")
    ask(one.url)
    one.drain()
    ask(one.url)
    one.drain()

    assert double.methods().count("StartInstance") == starts


def test_notification_that_kong_does_not_know_is_ignored(gateway: StartGateway, server: StartServer) -> None:
    plugin = ScriptedPlugin()
    server(lambda request: pack([2, "weather", "fine"]) + pack([2, "serverPid", "none"]) + (plugin(request) or b""))
    one = gateway()
    one.add_route("/")
    one.add_plugin("demo")

    assert ask(one.url).status == 200
    assert one.logs == []


def test_reply_in_pieces_is_read_whole(gateway: StartGateway, server: StartServer) -> None:
    plugin = ScriptedPlugin(access=[("kong.response.exit", 200, "x" * 100_000)])
    server(plugin)
    one = gateway()
    one.add_route("/")
    one.add_plugin("demo")

    assert len(ask(one.url).body) == 100_000
