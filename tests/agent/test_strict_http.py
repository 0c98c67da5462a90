"""Requests that can be read in two ways, and clients that take their time: refused, and nobody is held up."""

from __future__ import annotations

import resource
import socket
import struct
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from kong_vault_py.agent.connections import Patience
from tests.agent.agent_process import Shelf
from tests.agent.agent_thread import AgentThread
from tests.agent.http_over_socket import Connection, ask, resolve
from tests.servers.polling import wait_until

Serve = Callable[..., AgentThread]

TOKEN = "a-token-of-thirty-two-characters"
BODY = b'{"reference": "{vault://shelf/db}"}'
HEAD = b"POST /v1/resolve HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(BODY)
CHUNKS = b"%x\r\n%s\r\n0\r\n\r\n" % (len(BODY), BODY)
HEALTH = b"GET /v1/health HTTP/1.1\r\nHost: localhost\r\n\r\n"


@pytest.fixture(autouse=True)
def _a_secret(shelf: Shelf) -> None:
    shelf.put("db", "hunter2")


@pytest.fixture
def agent(serve: Serve) -> AgentThread:
    return serve()


def connect(path: Path) -> socket.socket:
    client = socket.socket(socket.AF_UNIX)
    client.settimeout(20)
    client.connect(str(path))
    return client


def answers(agent: AgentThread, sent: bytes) -> list[int]:
    """Send something, and nothing more; return the status of each answer up to the end of the connection."""
    with connect(agent.path) as client:
        client.sendall(sent)
        client.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while piece := client.recv(65536):
                received += piece
        except ConnectionResetError:
            pass  # it closed with something unread
    return [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]]


# Who reads what


@pytest.mark.parametrize(
    "fields",
    [
        LENGTH + b"Content-Length: 5\r\n",
        b"Content-Length: 5\r\n" + LENGTH,
        LENGTH + b"Transfer-Encoding: chunked\r\n",
        LENGTH + b"Transfer-Encoding: gzip, chunked\r\n",
        LENGTH + b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n" + LENGTH,
        LENGTH.replace(b": ", b": +"),
        LENGTH.replace(b": 3", b": 3_"),
        b"Content-Length: \r\n",
        b"Content-Length: -1\r\n",
        b"no field\r\nX-Forwarded-For: 10.0.0.1\r\n" + LENGTH,
        b"X-Forwarded-For : 10.0.0.1\r\n" + LENGTH,
        b"X: a\rX-Forwarded-For: 10.0.0.1\r\n" + LENGTH,
        LENGTH + b"X: a\r\n X-Forwarded-For: 10.0.0.1\r\n",
        LENGTH + b"X: \x00\r\n",
        LENGTH + b": nameless\r\n",
        LENGTH.replace(b"\r", b""),
        LENGTH + b"Host: localhost\r\n",
        LENGTH + b"Content-Type: text/plain\r\n",
        LENGTH + b"A: b\r\n" * 150,
        LENGTH + b"A: " + b"b" * 20_000 + b"\r\n",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_refused_and_ends_the_connection(
    agent: AgentThread, shelf: Shelf, fields: bytes
) -> None:
    assert answers(agent, HEAD + fields + b"\r\n" + BODY + HEALTH) == [400]
    assert shelf.calls == []


@pytest.mark.parametrize(
    "line",
    [b"GET /v1/health", b"GET /v1/health HTTP/0.9", b"GET /v1/health HTTP/2.0", b"GET /v1/health HTTP/1", b"\x00\xff"],
)
def test_another_protocol_is_refused(agent: AgentThread, line: bytes) -> None:
    assert answers(agent, line + b"\r\n\r\n" + HEALTH) == [400]


def test_chunks_are_for_http_1_1(agent: AgentThread) -> None:
    old = HEAD.replace(b"/1.1", b"/1.0")

    assert answers(agent, old + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS) == [400]
    assert answers(agent, old + LENGTH + b"\r\n" + BODY + HEALTH) == [200]


@pytest.mark.parametrize(
    "more", [b"Upgrade: websocket\r\n", b"Connection: upgrade\r\n", b"Expect: 100-continue\r\n", b""]
)
def test_requests_behind_each_other_are_answered_each_by_itself(agent: AgentThread, more: bytes) -> None:
    by_length = HEAD + LENGTH + more + b"\r\n" + BODY
    by_chunks = HEAD + b"Transfer-Encoding: chunked\r\n" + more + b"\r\n" + CHUNKS

    found = answers(agent, by_length + HEALTH + by_chunks + HEALTH + b"HEAD /v1/health HTTP/1.1\r\n\r\n" + HEALTH)

    assert [status for status in found if status != 100] == [200, 200, 200, 200, 405, 200]


@pytest.mark.parametrize("size", [b"zz", b"", b" 5", b"-1", b"0x5", b"f" * 17, b"5;" + b"x" * 10_000])
def test_a_chunk_without_a_size_ends_the_connection(agent: AgentThread, shelf: Shelf, size: bytes) -> None:
    sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\n" + size + b"\r\n" + BODY + HEALTH

    assert answers(agent, sent) == [400]
    assert shelf.calls == []


@pytest.mark.parametrize(
    ("head", "status"),
    [
        (HEAD + b"Content-Length: 1000000000000\r\n", 413),
        (HEAD + b"Via: 1.1 proxy\r\nContent-Length: 1000000000000\r\n", 403),
        (HEAD.replace(b"/json", b"/xml") + b"Content-Length: 1000000000000\r\n", 415),
        (HEAD.replace(b"resolve", b"nothing") + b"Transfer-Encoding: chunked\r\n", 404),
        (HEAD.replace(b"POST", b"GET") + b"Content-Length: 65537\r\n", 405),
    ],
)
def test_a_large_body_that_nobody_wants_is_not_read(agent: AgentThread, head: bytes, status: int) -> None:
    with connect(agent.path) as client:
        client.sendall(head + b"\r\n")
        received = b""
        while piece := client.recv(65536):
            received += piece

    assert received.startswith(b"HTTP/1.1 %d " % status)
    assert b"Connection: close\r\n" in received


def test_a_small_body_that_nobody_wants_costs_no_connection(agent: AgentThread) -> None:
    unwanted = HEAD.replace(b"POST", b"GET") + LENGTH + b"\r\n" + BODY

    assert answers(agent, unwanted + HEALTH + unwanted + HEALTH) == [405, 200, 405, 200]


def test_a_chunked_body_is_bounded_too(agent: AgentThread) -> None:
    for body, status in ((BODY, 200), (b"[" * 70_000, 413)):
        sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)
        assert answers(agent, sent) == [status]


def test_a_client_that_hangs_up_amid_its_request_leaves_nothing(
    agent: AgentThread, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    for part in (b"POST /v1/re", HEAD, HEAD + LENGTH + b"\r\n" + BODY[:10]):
        answers(agent, part)

    assert shelf.calls == []
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []
    assert resolve(agent.path, "{vault://shelf/db}").status == 200


# Slow ones

HASTY = Patience(idle_s=0.2, arrival_s=0.2, taking_s=0.2)


@pytest.mark.parametrize(
    ("begun", "status"),
    [(b"", []), (b"POST /v1/re", []), (HEAD, [408]), (HEAD + LENGTH + b"\r\n" + BODY[:-1], [400])],
    ids=["nothing", "half a line", "half a head", "half a body"],
)
def test_a_request_that_does_not_arrive_is_given_up(
    serve: Serve, shelf: Shelf, begun: bytes, status: list[int]
) -> None:
    agent = serve(HASTY)
    with connect(agent.path) as client:
        client.sendall(begun)
        received = b""
        while piece := client.recv(65536):
            received += piece

    assert [int(part[:3]) for part in received.split(b"HTTP/1.1 ")[1:]] == status
    assert shelf.calls == []


def test_the_deadline_is_one_for_the_whole_request_however_small_the_pieces(serve: Serve) -> None:
    agent = serve(HASTY)
    sent = HEAD + b"X: " + b"x" * 10_000
    with connect(agent.path) as client:

        def drip() -> None:
            for byte in sent:  # each within the time that the whole may take
                client.sendall(bytes([byte]))
                time.sleep(0.002)

        with pytest.raises(OSError, match="Broken pipe|reset"):
            drip()


def test_an_idle_connection_is_kept_for_a_while_and_no_longer(serve: Serve) -> None:
    patient, hasty = Patience(idle_s=30.0, arrival_s=0.1), Patience(idle_s=0.1, arrival_s=30.0)
    kept = Connection(serve(patient).path)
    assert kept.ask("GET", "/v1/health").status == 200
    time.sleep(0.2)
    assert kept.ask("GET", "/v1/health").status == 200
    kept.close()

    agent = serve(hasty)
    with connect(agent.path) as client:
        client.sendall(HEALTH)
        while client.recv(65536):
            pass


def test_an_answer_that_is_not_taken_is_given_up_without_a_fuss(
    serve: Serve, shelf: Shelf, caplog: pytest.LogCaptureFixture
) -> None:
    shelf.put("db", "x" * 1_000_000)
    agent = serve(HASTY)
    with connect(agent.path) as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.sendall(HEAD + LENGTH + b"\r\n" + BODY)
        wait_until(lambda: _is_closed(client), "the end")

    assert ask(agent.path, "GET", "/v1/health").status == 200
    assert [record for record in caplog.records if record.levelname in ("WARNING", "ERROR")] == []


def _is_closed(client: socket.socket) -> bool:
    """Whether the other side has closed, without reading what it sent."""
    try:
        client.send(b"x")
    except OSError:
        return True
    return False


def test_who_has_no_token_can_keep_neither_the_port_nor_the_socket_from_others(serve: Serve, folder: Path) -> None:
    token = folder / "token"
    token.touch(mode=0o600)
    token.write_text(TOKEN)
    patience = Patience(arrival_s=0.2)
    agent = serve(patience, vault_py_agent_listen="127.0.0.1:0", vault_py_agent_token_file=token)
    with ExitStack() as stack:
        for _ in range(200):
            stack.enter_context(socket.create_connection(("127.0.0.1", agent.port), timeout=20))

        assert resolve(agent.path, "{vault://shelf/db}").status == 200
        assert resolve(agent.port, "{vault://shelf/db}", X_Kong_Vault_Token=TOKEN).status == 200


def test_connections_never_take_all_files_of_the_process(serve: Serve) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
    try:
        agent = serve(Patience(arrival_s=0.2))
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    with ExitStack() as stack:
        for _ in range(128):
            stack.enter_context(connect(agent.path))
        late = stack.enter_context(connect(agent.path))
        late.sendall(HEALTH)

        # It waits in the queue until the idle ones have had their time.
        assert late.recv(12) == b"HTTP/1.1 200"


# The end


def test_at_the_end_idle_connections_are_closed_and_what_was_asked_is_answered(serve: Serve) -> None:
    agent = serve()
    with connect(agent.path) as idle, connect(agent.path) as asking:
        for client in (idle, asking):
            client.sendall(b"HEAD /v1/health HTTP/1.1\r\n\r\n")
            assert client.recv(65536).startswith(b"HTTP/1.1 405")
        with connect(agent.path) as gone:
            gone.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        asking.sendall(HEALTH)

        agent.stop()

        assert idle.recv(65536) == b""
        received = b""
        while piece := asking.recv(65536):
            received += piece
    assert received.startswith(b"HTTP/1.1 200")
    assert received.endswith(b'{"status": "ok"}')
