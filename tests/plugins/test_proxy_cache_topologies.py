"""vault-proxy-cache with Redis behind a Sentinel and with Redis Cluster, on the whole path and under load."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest

from tests.plugins.lab import Lab
from tests.servers.polling import wait_until
from tests.servers.redis_topologies import MASTER, RedisCluster, SentinelRedis

pytestmark = pytest.mark.real("redis")


def under_load(path: Lab, disturb: Callable[[], None]) -> Counter[Any]:
    """Let clients ask while ``disturb`` runs and until hits come again; return statuses and cache statuses."""
    replies: list[tuple[int, str | None]] = []
    over = threading.Event()

    def client(number: int) -> None:
        while not over.is_set():
            reply = path.ask(f"/{number}")
            replies.append((reply.status, reply.cache_status))

    clients = [threading.Thread(target=client, args=(number,)) for number in range(3)]
    for thread in clients:
        thread.start()
    try:
        wait_until(lambda: (200, "Hit") in replies, "hits before")
        disturb()
        mark = len(replies)
        wait_until(lambda: (200, "Hit") in replies[mark:], "hits after")
    finally:
        over.set()
        for thread in clients:
            thread.join()
    return Counter(replies)


def test_a_failover_is_no_error_for_any_client(lab, redis_plural, secrets):
    secrets.write("redis", "sesame-one")
    secrets.write("sentinel", "sentry-one")
    sentinels = redis_plural(SentinelRedis)
    redis = {
        "sentinel_master": MASTER,
        "sentinel_nodes": [{"host": "127.0.0.1", "port": sentinels.sentinel.port}],
        "sentinel_password": "{vault://fs/sentinel}",
        "password": "{vault://fs/redis}",
        "timeout": 500,
    }
    path = lab()
    path.route("/", cache={"strategy": "redis", "redis": redis})

    seen = under_load(path, sentinels.fail_over)

    assert {status for status, _ in seen} == {200}
    assert {cache for _, cache in seen} <= {"Hit", "Miss", "Bypass"}
    assert "sesame" not in path.server.output()


def test_a_clusters_password_rotates_and_no_client_notices(lab, redis_plural, secrets):
    secrets.write("redis", "sesame-one")
    cluster = redis_plural(RedisCluster)
    nodes = [{"ip": node.host, "port": node.port} for node in cluster.nodes]
    path = lab()
    path.route(
        "/",
        cache={
            "strategy": "redis",
            "redis": {"cluster_nodes": nodes, "password": "{vault://fs/redis}", "timeout": 1000},
        },
    )

    def rotate() -> None:
        secrets.write("redis", "sesame-two")
        cluster.change_password("sesame-two")

    seen = under_load(path, rotate)

    assert {status for status, _ in seen} == {200}
    assert {cache for _, cache in seen} == {"Hit", "Miss"}
    assert path.log_lines("err") == []


def test_a_section_that_contradicts_itself_does_not_start(lab):
    path = lab()
    path.route("/", cache={"strategy": "redis", "redis": {"sentinel_master": MASTER}})

    assert path.ask("/").status == 500
    assert any("Sentinel needs both" in line for line in path.log_lines("err"))


def test_hits_are_shared_with_lua_plugins_if_asked(lab):
    path = lab()
    path.route("/", cache={"strategy": "memory", "share_hits": True})

    path.ask("/a")
    path.gateway.clear()
    assert path.ask("/a").cache_status == "Hit"

    (shared,) = [call.args for call in path.gateway.calls if call.method == "kong.ctx.shared.set"]
    assert shared[0] == "proxy_cache_hit"
    assert shared[1]["res"]["status"] == 200
    assert shared[1]["res"]["headers"]["content-type"] == "application/json"
    assert shared[1]["res"]["body_len"] == len(b'{"asked": 1}')
