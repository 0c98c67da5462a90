"""Whatever the agent does, a strategy returns in time: nothing raised, no value, and one line that says what to do."""

import socket
import time

import pytest

from tests.lua.doors import call
from tests.lua.fake_agent import refuses, response, says, sends

#: One of each kind: with cosockets; blocking at Kong's start; blocking without nginx.
KINDS = ("access", "init", "command_line")

GOOD = {"value": "canary", "encoding": "utf-8", "ttl": None}


def raw(head, body=b"canary"):
    return b"HTTP/1.1 200 OK\r\n" + head + b"\r\n\r\n" + body


NOT_HTTP = "the answer is not HTTP"
NO_AGENT = "what answers is no kong-vault agent (HTTP 200)"
FAULTS = {
    "nothing": (b"", "closed"),
    "half a head": (b"HTTP/1.1 200 OK\r\nContent-Le", "closed"),
    "half a body": (response(GOOD)[:-10], "closed"),
    "half a chunk": (raw(b"Transfer-Encoding: chunked", b"ff\r\ncanary"), "closed"),
    "garbage": (b"\x00\xff\r\n\r\n\r\n\r\n", NOT_HTTP),
    "another protocol": (b"220 mail.example ESMTP\r\n\r\n", NOT_HTTP),
    "HTTP/2": (b"HTTP/2 200 OK\r\n\r\n", NOT_HTTP),
    "an endless head": (b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 4000, "the answer's head is too long"),
    "no length": (raw(b"A: b"), NOT_HTTP),
    "two lengths": (raw(b"Content-Length: 6\r\nContent-Length: 7"), NOT_HTTP),
    "a length and chunks": (raw(b"Content-Length: 6\r\nTransfer-Encoding: chunked"), NOT_HTTP),
    "a negative length": (raw(b"Content-Length: -1"), NOT_HTTP),
    "a length in hex": (raw(b"Content-Length: 0x6"), NOT_HTTP),
    "a bad chunk size": (raw(b"Transfer-Encoding: chunked", b"zz\r\n"), NOT_HTTP),
    "a chunk without its end": (raw(b"Transfer-Encoding: chunked", b"3\r\ncanary\r\n"), NOT_HTTP),
    "gzip": (raw(b"Transfer-Encoding: gzip"), NOT_HTTP),
    "a header without a name": (raw(b": b\r\nContent-Length: 6"), NOT_HTTP),
    "a huge body": (raw(b"Content-Length: 10000000000"), "the answer is too large"),
    "an absurd length": (raw(b"Content-Length: " + b"9" * 400), "the answer is too large"),
    "a huge chunk": (raw(b"Transfer-Encoding: chunked", b"ffffffff\r\n"), "the answer is too large"),
    "no JSON": (response(b"canary"), NO_AGENT),
    "JSON, but no object": (response(["canary"]), NO_AGENT),
    "null": (response(None), NO_AGENT),
    "no value": (response({"encoding": "utf-8", "ttl": None}), NO_AGENT),
    "a value that is no text": (response({**GOOD, "value": 1}), NO_AGENT),
    "a null value": (response({**GOOD, "value": None}), NO_AGENT),
    "an unknown encoding": (response({**GOOD, "encoding": "rot13"}), NO_AGENT),
    "no encoding": (response({"value": "canary", "ttl": None}), NO_AGENT),
    "a ttl that is text": (response({**GOOD, "ttl": "60"}), NO_AGENT),
    "no ttl": (response({"value": "canary", "encoding": "utf-8"}), NO_AGENT),
    "a ttl that is no number": (response(b'{"value":"canary","encoding":"utf-8","ttl":NaN}'), NO_AGENT),
    "no base64": (response({**GOOD, "encoding": "base64", "value": "canary!"}), NO_AGENT),
    "a redirect": (response({}, 302, "Location: http://example"), "no kong-vault agent (HTTP 302)"),
    "another server's 404": (response(b"<html>", 404), "no kong-vault agent (HTTP 404)"),
    "an error without a message": (response({"error": {"code": "not_found"}}, 404), "no kong-vault agent (HTTP 404)"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_answers_that_are_none(doors, fake_agent, kind):
    calls = [call("hcv", name, **fake_agent(sends(fault)).options) for name, (fault, _) in FAULTS.items()]

    found = doors.ask(kind, calls)

    for (name, (_, expected)), result in zip(FAULTS.items(), found, strict=True):
        assert (result.value, result.ttl) == (None, None), name
        assert expected in result.error, name
        assert "canary" not in result.error, name
        assert "\n" not in result.error, name


REFUSALS = [
    (400, "config", "the request's config for 'hcv': unknown option 'x'"),
    (401, "token", "the token in X-Kong-Vault-Token is missing"),
    (403, "permission_denied", "secret/data/x: the token may not read it"),
    (404, "not_found", "secret/data/x: no such secret"),
    (502, "authentication", "Vault refused the login"),
    (503, "unavailable", "no connection to http://127.0.0.1:8200"),
    (504, "timeout", "took longer than 5 s"),
]


@pytest.mark.parametrize("kind", KINDS)
def test_a_refusal_is_told_with_its_code_so_that_a_missing_secret_is_told_from_a_failure(doors, fake_agent, kind):
    calls = [call("hcv", "x", **fake_agent(refuses(*refusal)).options) for refusal in REFUSALS]

    found = doors.ask(kind, calls)

    assert [result.error for result in found] == [f"{message} ({code})" for _, code, message in REFUSALS]
    assert {result.value for result in found} == {None}


@pytest.mark.parametrize("kind", KINDS)
def test_without_an_agent_the_error_says_where_it_should_be_and_what_to_do(doors, tmp_path, kind):
    absent, abandoned, no_socket = tmp_path / "absent.sock", tmp_path / "abandoned.sock", tmp_path / "file"
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(abandoned))
    no_socket.touch()
    paths = [absent, abandoned, no_socket]

    found = doors.ask(kind, [call("aws", "x", agent_socket=str(path)) for path in paths])

    for path, result in zip(paths, found, strict=True):
        assert result.value is None
        assert f"no connection to the kong-vault agent at unix:{path} (" in result.error
        assert "start it with 'kong-vault agent'" in result.error
        assert "agent_socket of vault 'aws'" in result.error


def test_nginx_starts_without_an_agent_and_finds_it_later(doors, fake_agent, tmp_path):
    nginx = doors.new_nginx()
    calls = [call("hcv", "x", agent_socket=str(tmp_path / "1.sock"))]
    nginx.plan("init", calls)

    with nginx:
        before = nginx.results()["init"]
        fake_agent(says("s3cret"))
        after = nginx.call("access", calls)

    assert before[0]["value"] is None
    assert after == [{"value": b"s3cret".hex(), "err": None, "ttl": 0}]


@pytest.mark.parametrize("kind", KINDS)
def test_an_agent_that_hangs_is_given_up_at_the_deadline(doors, fake_agent, kind):
    agent = fake_agent(lambda request: bool(request.socket.recv(1)))

    found = doors.ask(kind, [call("hcv", "x", agent_timeout_s=0.4, **agent.options)])

    assert found[0].value is None
    assert found[0].error.endswith("not within 0.4 s")


@pytest.mark.parametrize("kind", KINDS)
def test_the_deadline_is_one_for_all_even_if_something_comes_all_the_time(doors, fake_agent, kind):
    def drips(request):
        request.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            request.socket.sendall(b"x")
            time.sleep(0.01)

    found = doors.ask(kind, [call("hcv", "x", agent_timeout_s=0.3, **fake_agent(drips).options)])

    assert found[0].error.endswith("not within 0.3 s")


def test_a_full_backlog_is_given_up_at_the_deadline(doors, tmp_path):
    path = str(tmp_path / "full.sock")
    with socket.socket(socket.AF_UNIX) as listener, socket.socket(socket.AF_UNIX) as first:
        listener.bind(path)
        listener.listen(0)
        first.connect(path)

        for kind in ("init", "command_line"):
            found = doors.ask(kind, [call("hcv", "x", agent_timeout_s=0.4, agent_socket=path)])
            assert "no connection to the kong-vault agent" in found[0].error
            assert "timeout" in found[0].error


def test_a_silent_agent_delays_a_start_once_not_once_per_reference(doors, fake_agent):
    agent = fake_agent(lambda request: bool(request.socket.recv(1)))
    calls = [call("hcv", str(number), agent_timeout_s=0.4, **agent.options) for number in range(20)]

    found = doors.ask("init", calls)

    assert len(agent.requests) == 1
    assert found[0].error.endswith("not within 0.4 s")
    assert all("not asked again so soon" in result.error for result in found[1:])


@pytest.mark.parametrize("kind", KINDS)
def test_options_that_lead_nowhere_good_are_refused_before_anything_is_sent(doors, kind):
    cases = {
        "agent_socket is no absolute path": {"agent_socket": "agent.sock"},
        "agent_host is not of the loopback interface": {"agent_host": "192.0.2.1", "agent_port": 1, "agent_token": "t"},
        "agent_port is no port": {"agent_port": 1.5, "agent_token": "t"},
        "agent_token is needed": {"agent_port": 8811},
        "as printable characters": {"agent_port": 8811, "agent_token": "t\r\nX-Other: 1"},
        "no connection": {"agent_socket": "/" + "x" * 200},
        "can't be written as JSON": {"ttl": float("inf")},
        "are larger than 65536 bytes": {"token": "x" * 70_000},
    }

    found = doors.ask(kind, [call("hcv", "x", exact=True, **options) for options in cases.values()])

    for expected, result in zip(cases, found, strict=True):
        assert result.value is None
        assert expected in result.error
