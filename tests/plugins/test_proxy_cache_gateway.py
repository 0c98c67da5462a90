"""vault-proxy-cache on the whole path: client, gateway, plugin server, a real Redis with a password."""

from __future__ import annotations

import os
import threading
from collections import Counter
from typing import Any

import pytest

from kong_vault_py.plugin_kit.caching.storage_redis import KEY_PREFIX
from kong_vault_py.testing.upstream import Answer
from tests.servers.polling import wait_until

pytestmark = pytest.mark.real("redis")


def cache_in(server: Any, **config: Any) -> dict[str, Any]:
    redis = {"host": server.host, "port": server.port, "password": "{vault://fs/password}", "timeout": 500}
    return {"strategy": "redis", "redis": redis, **config}


@pytest.fixture
def server(redis_server, secrets):
    secrets.write("password", "sesame-one")
    return redis_server(password="sesame-one")


def test_miss_hit_refresh_and_bypass(lab, server):
    path = lab()
    path.route("/short", cache=cache_in(server, cache_ttl=2, storage_ttl=60))

    miss, hit = path.ask("/short?a=1&b=2"), path.ask("/short?b=2&a=1")
    wait_until(lambda: path.ask("/short?a=1&b=2").cache_status == "Refresh", "the entry's age beyond cache_ttl")
    deleted = path.ask("/short?a=1&b=2", "DELETE")

    assert (miss.status, miss.cache_status, miss.body) == (200, "Miss", b'{"asked": 1}')
    assert (hit.status, hit.cache_status, hit.body) == (200, "Hit", b'{"asked": 1}')
    assert hit.headers["x-cache-key"] == miss.headers["x-cache-key"]
    assert hit.headers["content-type"] == "application/json"
    assert int(hit.headers["age"]) <= 2
    assert deleted.cache_status == "Bypass"
    assert path.log_lines("err") == []


def test_a_hit_costs_four_pdk_calls_and_a_miss_nine(lab, server):
    path = lab()
    path.route("/", cache=cache_in(server))

    path.ask("/a")
    assert path.pdk_calls("access").total() + path.pdk_calls("response").total() == 9
    path.gateway.clear()
    assert path.ask("/a").cache_status == "Hit"
    assert path.pdk_calls("access") == Counter(
        ["nginx.get_var", "client.get_consumer", "request.get_raw_query", "response.exit"]
    )
    assert path.pdk_calls("response").total() == 0


@pytest.mark.parametrize("size_bytes", [0, 1, 3_000_000])
def test_bodies_of_any_size_and_content_come_back_byte_for_byte(lab, server, size_bytes):
    body = os.urandom(size_bytes)
    path = lab(lambda _: Answer(200, {"Content-Type": "image/png", "ETag": '"1"'}, body))
    path.route("/", cache=cache_in(server, content_type=["image/*"]))

    replies = [path.ask("/a"), path.ask("/a")]

    assert [reply.cache_status for reply in replies] == ["Miss", "Hit"]
    assert all(reply.body == body for reply in replies)
    assert all(reply.headers["content-length"] == str(size_bytes) for reply in replies)
    assert all(reply.headers["etag"] == '"1"' for reply in replies)


def test_gateways_share_what_is_in_redis(lab, server):
    one, other = lab(), lab()
    for path in (one, other):
        path.route("/", cache=cache_in(server))

    assert one.ask("/a").cache_status == "Miss"
    assert other.ask("/a").cache_status == "Hit"


def test_a_password_rotates_under_load_and_no_request_notices(lab, server, secrets):
    path = lab()
    path.route("/", cache=cache_in(server, cache_ttl=300))
    replies: list[tuple[int, str | None]] = []
    over = threading.Event()

    def client(number: int) -> None:
        while not over.is_set():
            reply = path.ask(f"/{number}")
            replies.append((reply.status, reply.cache_status))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(4)]
    for thread in clients:
        thread.start()
    for password in ("sesame-two", "sesame-three", "sesame-four"):
        seen = len(replies)
        wait_until(lambda seen=seen: len(replies) > seen + 40, "requests before the rotation")
        secrets.write("password", password)
        server.change_password(password)
        server.disconnect_clients()
    seen = len(replies)
    wait_until(lambda: len(replies) > seen + 40, "requests after the last rotation")
    over.set()
    for thread in clients:
        thread.join()

    assert path.log_lines("err") == []
    assert Counter(replies) == {(200, "Miss"): 4, (200, "Hit"): len(replies) - 4}
    assert path.log_lines("err") == []
    assert "sesame" not in path.server.output()


def test_a_redis_that_stops_means_bypass_until_it_is_back(lab, server):
    path = lab()
    path.route("/", cache=cache_in(server))
    path.ask("/a")

    server.stop()
    replies = [path.ask("/a") for _ in range(20)]

    assert {(reply.status, reply.cache_status) for reply in replies} == {(200, "Bypass")}
    assert len(path.log_lines("err")) == 1
    assert "Connection refused; the cache is out of use until it answers" in path.log_lines("err")[0]
    server.start()
    wait_until(lambda: path.ask("/a").cache_status in ("Miss", "Hit"), "the cache in use again")
    assert path.log_lines("notice") == ["the storage answers again: the cache is in use"]


def test_a_password_that_is_refused_means_bypass_until_it_is_right(lab, server, secrets):
    secrets.write("password", "wrong-password")
    path = lab()
    path.route("/", cache=cache_in(server))

    replies = [path.ask("/a") for _ in range(10)]
    secrets.write("password", "sesame-one")

    assert {(reply.status, reply.cache_status) for reply in replies} == {(200, "Bypass")}
    wait_until(lambda: path.ask("/a").cache_status in ("Miss", "Hit"), "the cache in use again")
    assert len(path.log_lines("err")) == 1
    assert "refuses the username or password" in path.log_lines("err")[0]
    assert "wrong-password" not in path.log_lines("err")[0] + path.server.output()


def test_a_secret_that_is_missing_means_bypass(lab, server, secrets):
    secrets.remove("password")
    path = lab()
    path.route("/", cache=cache_in(server))

    reply = path.ask("/a")

    assert (reply.status, reply.cache_status) == (200, "Bypass")
    assert "vault://fs/password" in path.log_lines("err")[0]


def test_a_redis_that_hangs_costs_one_request_a_timeout_and_not_all(lab, server):
    path = lab()
    path.route("/", cache=cache_in(server))
    path.ask("/a")

    with server.client() as direct:
        direct.execute_command("CLIENT", "PAUSE", "10000", "ALL")
    replies = [path.ask("/a") for _ in range(10)]

    assert {(reply.status, reply.cache_status) for reply in replies} == {(200, "Bypass")}
    assert "did not answer in time" in path.log_lines("err")[0]
    assert len(path.log_lines("err")) == 1


def test_a_damaged_value_is_refreshed(lab, server):
    path = lab()
    path.route("/", cache=cache_in(server))
    key = path.ask("/a").headers["x-cache-key"]
    with server.client() as direct:
        direct.set(KEY_PREFIX + key, b"\x80\x04nonsense")

    assert [path.ask("/a").cache_status for _ in range(2)] == ["Refresh", "Hit"]
    assert len(path.log_lines("warn")) == 1


def test_nothing_in_redis_names_a_secret_or_a_client(lab, server):
    path = lab(lambda _: Answer(200, {"Content-Type": "application/json"}, b"{}"))
    path.route("/", cache=cache_in(server, vary_headers=["authorization"]))

    path.ask("/a?token=sesame-query", authorization="Bearer sesame-header")

    with server.client() as direct:
        (key,) = direct.keys()
        assert b"sesame" not in key + direct.get(key)


def test_the_memory_strategy_needs_no_redis(lab):
    path = lab()
    path.route("/", cache={"strategy": "memory"})

    assert [path.ask("/a").cache_status for _ in range(2)] == ["Miss", "Hit"]


def test_cache_control_on_the_whole_path(lab):
    path = lab(lambda request: Answer(200, {"Content-Type": "application/json", "Cache-Control": "max-age=60"}, b"{}"))
    path.route("/", cache={"strategy": "memory", "cache_control": True})

    assert path.ask("/a", cache_control="only-if-cached").status == 504
    assert [path.ask("/a").cache_status for _ in range(2)] == ["Miss", "Hit"]
    assert path.ask("/a", cache_control="only-if-cached").cache_status == "Hit"
    assert path.ask("/a", cache_control="no-cache").cache_status == "Bypass"
    assert path.ask("/a", authorization="Bearer x").cache_status == "Bypass"


def test_head_and_post_on_the_whole_path(lab):
    path = lab()
    path.route("/", cache={"strategy": "memory", "request_method": ["HEAD", "POST"]})

    assert [path.ask("/a", "HEAD").cache_status for _ in range(2)] == ["Miss", "Hit"]
    replies = [path.ask("/a", "POST", body) for body in (b"1", b"2", b"1")]
    assert [reply.cache_status for reply in replies] == ["Miss", "Miss", "Hit"]
    assert replies[0].body == replies[2].body != replies[1].body
