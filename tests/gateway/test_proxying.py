"""Routes, the upstream, and what passes through."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable

import pytest

from kong_vault_py.testing import EchoUpstream, Gateway, PluginEntity
from kong_vault_py.testing.upstream import Answer, UpstreamRequest
from tests.gateway.asking import ask
from tests.gateway.server_double import Handler, ScriptedPlugin, ServerDouble
from tests.gateway.several_plugins import Plugins


def test_path_without_route_is_404(plugins: Plugins, gateway: Callable[..., Gateway]) -> None:
    one = gateway()
    one.add_route("/api")

    answer = ask(one.url + "/other")

    assert (answer.status, answer.json()["message"]) == (404, "no Route matched with those values")


def test_route_without_upstream_is_503(gateway: Callable[..., Gateway]) -> None:
    one = gateway(upstream=None)
    one.add_route("/")

    assert ask(one.url).status == 503


def test_longest_path_wins_and_prefix_is_stripped(gateway: Callable[..., Gateway], upstream: EchoUpstream) -> None:
    one = gateway()
    one.add_route("/a", upstream=upstream.url + "/short")
    one.add_route("/a/b", upstream=upstream.url + "/long")
    one.add_route("/kept", strip_path=False)

    for path in ("/a/b/c?q=1", "/a/c", "/a", "/kept/x", "/a/c?"):
        ask(one.url + path)

    assert [request.target for request in upstream.requests] == [
        "/long/c?q=1",
        "/short/c",
        "/short/",
        "/kept/x",
        "/short/c?",
    ]


@pytest.mark.parametrize("method", ["HEAD", "POST", "PATCH", "OPTIONS"])
def test_methods_and_bodies_pass_through(gateway: Callable[..., Gateway], upstream: EchoUpstream, method: str) -> None:
    one = gateway()
    one.add_route("/")
    body = None if method == "HEAD" else b"\x00\xff"

    answer = ask(one.url, method, body=body)

    assert (answer.status, upstream.requests[0].method) == (200, method)
    assert upstream.requests[0].body == (body or b"")
    assert (answer.body == b"") == (method == "HEAD")
    assert answer.headers["via"] == "1.1 kong/3.9.3"


def test_chunked_body_arrives_whole(gateway: Callable[..., Gateway], upstream: EchoUpstream) -> None:
    one = gateway()
    one.add_route("/")

    assert (
        ask(one.url, "POST", {"Transfer-Encoding": "chunked"}, chunks=b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n").status
        == 200
    )

    assert upstream.requests[0].body == b"abcde"


def test_slow_upstream_is_504(gateway: Callable[..., Gateway], server: Callable[[Handler], ServerDouble]) -> None:
    release = threading.Event()

    def slow(_: UpstreamRequest) -> Answer:
        release.wait(10)
        return Answer()

    server(ScriptedPlugin(access=[("kong.service.set_timeouts", 1000, 1000, 50)]))
    with EchoUpstream(slow) as upstream:
        one = gateway(upstream=upstream.url)
        one.add_route("/", [PluginEntity("demo")])
        assert ask(one.url).status == 504
        release.set()


def test_trusted_proxy_is_believed(gateway: Callable[..., Gateway], upstream: EchoUpstream) -> None:
    forwarded = {"X-Forwarded-Proto": "HTTPS", "X-Forwarded-Host": "u@Ex.test:8443", "X-Real-IP": "203.0.113.7"}
    for trusted in ((), ("127.0.0.0/8",)):
        one = gateway(trusted_ips=trusted)
        one.add_route("/")
        ask(one.url, headers={"Host": "direct", **forwarded})

    ignored, believed = ({**dict(request.headers)} for request in upstream.requests)
    names = ("X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-Port", "X-Real-IP")
    assert [ignored[name] for name in names][:2] == ["http", "direct"]
    assert [believed[name] for name in names] == ["https", "ex.test", "8443", "203.0.113.7"]


def test_nonsense_on_the_port_is_answered_or_ignored(gateway: Callable[..., Gateway]) -> None:
    one = gateway()
    one.add_route("/")
    for nonsense in (b"nonsense\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n", b""):
        with socket.create_connection(("127.0.0.1", int(one.url.rpartition(":")[2])), timeout=5) as client:
            client.sendall(nonsense)
            client.shutdown(socket.SHUT_WR)
            assert client.recv(100)[:15] in (b"", b"HTTP/1.1 400 Ba", b"HTTP/1.1 505 HT", b"<!DOCTYPE HTML>")

    assert ask(one.url).status == 200
