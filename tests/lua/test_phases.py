"""A strategy answers in every phase in which Kong calls it, and holds nobody up where it may not."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.lua.doors import AT_START, DOORS, Result, call
from tests.lua.fake_agent import response, says


def has_ipv6():
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


LOOPBACK = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
BLOCKING = ("init", "init_worker", "header_filter", "command_line")


@pytest.mark.parametrize("door", DOORS)
def test_a_secret_comes_by_every_door(doors, fake_agent, door):
    agent = fake_agent(says('{"password":"s3cret"}', ttl=300))

    found = doors.ask(door, [call("hcv", "team/redis", 2, **agent.options)])

    assert found == [Result(b'{"password":"s3cret"}', None, 300)]
    assert agent.requests[0].body == {"strategy": "hcv", "config": {}, "resource": "team/redis", "version": 2}


@pytest.mark.parametrize("address", LOOPBACK)
@pytest.mark.parametrize("door", DOORS)
def test_the_agents_tcp_port_gets_its_token_by_every_door(doors, fake_agent, door, address):
    agent = fake_agent(says("s3cret"), address=address)

    found = doors.ask(door, [call("fs", "redis", agent_token="t0ken", **agent.options)])

    assert found == [Result(b"s3cret", None, 0)]
    host = "[::1]" if address == "::1" else address
    assert agent.requests[0].headers["host"] == f"{host}:{agent.options['agent_port']}"
    assert agent.requests[0].headers["x-kong-vault-token"] == "t0ken"


def test_localhost_is_the_loopback_address(doors, fake_agent):
    agent = fake_agent(says("s3cret"), address="127.0.0.1")
    options = agent.options | {"agent_host": "localhost", "agent_token": "t0ken"}

    for door in ("access", "init", "command_line"):
        assert doors.ask(door, [call("fs", "redis", **options)]) == [Result(b"s3cret", None, 0)]


@pytest.mark.parametrize("door", [door for door in DOORS if door not in BLOCKING])
def test_a_connection_is_kept_where_nginx_keeps_connections(doors, fake_agent, door):
    agent = fake_agent(says("s3cret"))

    doors.ask(door, [call("hcv", str(number), **agent.options) for number in range(5)])

    assert [request.connection for request in agent.requests] == [1] * 5


def test_kept_connections_that_the_agent_closed_are_replaced_and_nobody_notices(doors, fake_agent):
    agent = fake_agent(says("s3cret"))
    with ThreadPoolExecutor(5) as pool:
        for _ in range(5):
            pool.submit(doors.ask, "access", [call("hcv", "before", **agent.options)])
    agent.close_connections()

    found = doors.ask("access", [call("hcv", "after", **agent.options)])

    assert found == [Result(b"s3cret", None, 0)]


@pytest.mark.parametrize("door", ["access", "timer"])
def test_a_slow_agent_holds_up_its_own_request_alone(doors, fake_agent, door):
    asked, go_on = threading.Event(), threading.Event()

    def slow(request):
        asked.set()
        assert go_on.wait(30)
        return says("late")(request)

    agent = fake_agent(slow)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(doors.ask, door, [call("hcv", "slow", **agent.options)])
        assert asked.wait(30)
        # The same worker, and the only one.
        status, _ = doors.nginx.ask("GET", "/ping")
        still_waiting = not waiting.done()
        go_on.set()

        assert (status, still_waiting) == (200, True)
        assert waiting.result() == [Result(b"late", None, 0)]


def test_many_requests_at_once_each_get_their_own_secret(doors, fake_agent):
    def echo(request):
        request.socket.sendall(response({"value": request.body["resource"], "encoding": "utf-8", "ttl": None}))
        return True

    agent = fake_agent(echo)
    names = [f"secret-{number}" for number in range(100)]

    with ThreadPoolExecutor(16) as pool:
        found = pool.map(lambda name: doors.ask("access", [call("hcv", name, **agent.options)] * 2), names)

        assert [results[1].value.decode() for results in found] == names


def test_an_answer_in_small_pieces_is_put_together(doors, fake_agent):
    def piecemeal(request):
        whole = response({"value": "s3cret" * 20_000, "encoding": "utf-8", "ttl": None})
        for start in range(0, 400):
            request.socket.sendall(whole[start : start + 1])
        request.socket.sendall(whole[400:])
        return False

    agent = fake_agent(piecemeal)

    for door in ("access", "init", "command_line"):
        assert doors.ask(door, [call("hcv", "x", **agent.options)]) == [Result(b"s3cret" * 20_000, None, 0)]


def test_chunked_answers_are_read_too(doors, fake_agent):
    body = b'{"value": "s3cret", "encoding": "utf-8", "ttl": null}'
    chunks = b"".join(b"%x;note=1\r\n%s\r\n" % (len(part), part) for part in (body[:7], body[7:8], body[8:]))

    def chunked(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\nA: b\r\n\r\n")
        return True

    agent = fake_agent(chunked)

    for door in ("access", "command_line"):
        assert doors.ask(door, [call("hcv", "x", **agent.options)] * 2) == [Result(b"s3cret", None, 0)] * 2


@pytest.mark.parametrize("door", [*AT_START, "access"])
def test_all_vaults_load_beside_each_other(doors, fake_agent, door):
    agent = fake_agent(says("s3cret"))
    names = ["hcv", "aws", "gcp", "azure", "azure-certs", "conjur", "fs", "konnect"]

    found = doors.ask(door, [call(name, "x", **agent.options) for name in names])

    assert [result.value for result in found] == [b"s3cret"] * 8
    assert [request.body["strategy"] for request in agent.requests] == names


def test_without_ffi_luasocket_does_the_same(doors, fake_agent):
    agent, port = fake_agent(says("s3cret")), fake_agent(says("by port"), address="127.0.0.1")
    no_ffi = "package.preload['kong_vault_py.ffi_socket'] = function() error('no ffi') end"
    calls = [call("hcv", "x", **agent.options), call("hcv", "x", agent_token="t", **port.options)]
    calls.append(call("hcv", "x", agent_socket="/nonexistent.sock"))

    found = doors.ask("command_line", calls, before=no_ffi)

    assert [result.value for result in found] == [b"s3cret", b"by port", None]
    assert "no connection to the kong-vault agent at unix:/nonexistent.sock" in found[2].error
