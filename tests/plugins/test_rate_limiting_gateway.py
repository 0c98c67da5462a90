"""vault-rate-limiting on the whole path: client, gateway, our plugin server and the stock one, a real Redis."""

from __future__ import annotations

import json
import threading
from collections import Counter
from typing import Any

import pytest

from kong_vault_py.plugin_kit.rate_limiting.redis_counts import KEY_PREFIX
from tests.plugins.lab import Reply
from tests.servers.polling import wait_until
from tests.servers.redis_topologies import RedisCluster, SentinelRedis

pytestmark = pytest.mark.real("redis")

#: So long that no test sees two of them.
LONG_S = 10**8
PASSWORD = "{vault://fs/password}"


def config(server: Any = None, **more: Any) -> dict[str, Any]:
    limits = {"limit": [3], "window_size": [LONG_S], "window_type": "fixed", "identifier": "ip", "namespace": "orders"}
    if server is not None:
        redis = {"host": server.host, "port": server.port, "password": PASSWORD, "timeout": 500}
        limits |= {"strategy": "redis", "sync_rate": 0, "redis": redis}
    return limits | more


@pytest.fixture
def server(redis_server, secrets):
    secrets.write("password", "sesame-one")
    return redis_server(password="sesame-one")


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("strategy", ["local", "redis"])
def test_the_limit_passes_and_no_more(lab, server, stock, strategy):
    path = lab(stock=stock)
    path.route("/", vault_rate_limiting=config(server if strategy == "redis" else None))

    *passed, denied = [path.ask("/a") for _ in range(4)]

    assert [reply.status for reply in passed] == [200] * 3
    assert [reply.headers["ratelimit-remaining"] for reply in passed] == ["2", "1", "0"]
    assert {reply.headers[f"x-ratelimit-limit-{LONG_S}"] for reply in passed} == {"3"}
    assert (denied.status, json.loads(denied.body)) == (429, {"message": "API rate limit exceeded"})
    assert denied.headers["retry-after"] == denied.headers["ratelimit-reset"]
    assert 0 < int(denied.headers["retry-after"]) <= LONG_S
    assert len(path.upstream.requests) == 3
    assert path.log_lines("err") == []


def test_a_request_costs_two_pdk_calls(lab, server):
    path = lab()
    path.route("/", vault_rate_limiting=config(server, limit=[1, 10], window_size=[LONG_S, 2 * LONG_S]))

    path.ask("/a")
    assert path.pdk_calls("access") == Counter(["client.get_forwarded_ip", "response.set_headers"])
    path.gateway.clear()
    path.ask("/a")
    assert path.pdk_calls("access") == Counter(["client.get_forwarded_ip", "response.exit"])


def test_gateways_share_the_counts_of_parallel_clients(lab, server):
    paths = [lab(), lab()]
    for path in paths:
        path.route("/", vault_rate_limiting=config(server, limit=[50]))
    statuses: list[int] = []

    def client(path: Any) -> None:
        statuses.extend(path.ask("/a").status for _ in range(20))

    threads = [threading.Thread(target=client, args=(path,)) for path in paths * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert Counter(statuses) == {200: 50, 429: 70}


@pytest.mark.parametrize("sync_rate", [0, 0.02])
def test_a_password_rotates_under_load_and_no_request_is_lost(lab, server, secrets, sync_rate):
    path = lab()
    path.route("/", vault_rate_limiting=config(server, limit=[10**6], sync_rate=sync_rate))
    replies: list[Reply] = []
    over = threading.Event()

    def client() -> None:
        while not over.is_set():
            replies.append(path.ask("/a"))

    clients = [threading.Thread(target=client) for _ in range(4)]
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

    assert {reply.status for reply in replies} == {200}
    # One whose answer was cut off counts twice.
    wait_until(lambda: len(replies) <= counted(server) <= 1.2 * len(replies), "all counts in Redis")
    assert path.log_lines("err") == []
    assert "sesame" not in path.server.output()


def counted(server: Any) -> int:
    """Return what Redis has counted of the one client there is."""
    with server.client() as direct:
        return sum(int(direct.hget(key, str(LONG_S)).split()[1]) for key in direct.keys(f"{KEY_PREFIX}*"))


def test_a_redis_that_stops_leaves_a_limit_per_process_and_a_line_in_the_log(lab, server):
    path = lab()
    path.route("/", vault_rate_limiting=config(server, limit=[10]))
    path.ask("/a")
    server.stop()

    statuses = Counter(path.ask("/a").status for _ in range(12))

    assert statuses == {200: 9, 429: 3}
    (line,) = path.log_lines("err")
    assert "Connection refused; counting in this process alone until it answers" in line
    server.start()
    wait_until(lambda: path.ask("/a").status == 200, "the counts of a Redis that came back empty")
    assert len(path.log_lines("notice")) == 1


def test_a_redis_that_stops_refuses_where_that_is_wanted(lab, server):
    path = lab()
    path.route("/", vault_rate_limiting=config(server, fault_tolerant=False))
    server.stop()

    replies = [path.ask("/a") for _ in range(5)]

    assert {(reply.status, reply.body) for reply in replies} == {(500, b'{"message":"An unexpected error occurred"}')}
    assert path.upstream.requests == []
    (line,) = path.log_lines("err")
    assert "requests are refused until it answers" in line


def test_windows_and_limits_that_do_not_pair_close(lab):
    path = lab()
    path.route("/", vault_rate_limiting=config(limit=[1, 2]))

    assert path.ask("/a").status == 500
    assert any("the same number of windows and limits" in line for line in path.log_lines("err"))


def test_a_master_behind_sentinels_counts_and_so_does_the_next_one(lab, redis_plural, secrets):
    secrets.write("password", "sesame-one")
    redis = redis_plural(SentinelRedis)
    sentinel = redis.sentinel
    secrets.write("sentinel", sentinel.password)
    section = {
        "sentinel_master": "cache",
        "sentinel_nodes": [{"host": sentinel.host, "port": sentinel.port}],
        "sentinel_password": "{vault://fs/sentinel}",
        "sentinel_role": "slave",
        "password": PASSWORD,
        "timeout": 500,
    }
    path = lab()
    path.route("/", vault_rate_limiting=config(strategy="redis", redis=section, limit=[10**6]))
    assert path.ask("/a").headers["ratelimit-remaining"] == str(10**6 - 1)

    redis.fail_over()

    assert {path.ask("/a").status for _ in range(5)} == {200}
    wait_until(lambda: path.ask("/a").status == 200 and counted(redis.master) > 3, "counts in the new master")


def test_a_cluster_counts(lab, redis_plural, secrets):
    secrets.write("password", "sesame-one")
    redis = redis_plural(RedisCluster)
    nodes = [{"ip": node.host, "port": node.port} for node in redis.nodes]
    by_tenant = {"identifier": "header", "header_name": "x-tenant", "limit": [2]}
    path = lab()
    for sync_rate in (0, 0.02):
        limits = config(
            strategy="redis",
            redis={"cluster_nodes": nodes, "password": PASSWORD},
            sync_rate=sync_rate,
            namespace=f"rate-{sync_rate}",
            **by_tenant,
        )
        path.route(f"/{sync_rate}", vault_rate_limiting=limits)

    statuses = [
        [path.ask(f"/{sync_rate}/a", x_tenant=f"t{tenant}").status for _ in range(3)]
        for tenant in range(8)
        for sync_rate in (0, 0.02)
    ]

    assert statuses == [[200, 200, 429]] * 16
    wait_until(lambda: sum(map(counted, redis.nodes)) == 48, "all counts in the Cluster")
    assert sum(counted(node) > 0 for node in redis.nodes) > 1, "on more than one node"
    assert path.log_lines("err") == []
