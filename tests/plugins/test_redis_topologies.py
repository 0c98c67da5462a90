"""Redis behind Sentinels and Redis Cluster: real ones, with failovers, moved slots and rotating passwords."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest

from kong_vault_py import AuthenticationError, ConfigError, Secret, UnavailableError, VaultError
from kong_vault_py.plugin import bind
from kong_vault_py.plugin_kit.caching.storage_redis import RedisStorage
from kong_vault_py.plugin_kit.redis_client import RedisClient
from kong_vault_py.plugin_kit.redis_settings import REDIS_FIELDS, RedisSettings, check_topology
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from tests.servers.polling import wait_until
from tests.servers.ports import free_port
from tests.servers.redis_topologies import MASTER, RedisCluster, SentinelRedis

pytestmark = pytest.mark.real("redis")


def client(section: dict[str, Any], **more: Any) -> RedisClient:
    return RedisClient(RedisSettings.from_config(with_defaults(REDIS_FIELDS, section | more)))


def behind(sentinels: SentinelRedis) -> dict[str, Any]:
    return {
        "sentinel_master": MASTER,
        "sentinel_nodes": [{"host": "127.0.0.1", "port": sentinels.sentinel.port}],
        "sentinel_password": sentinels.sentinel.password,
        "password": sentinels.servers[0].password,
        "timeout": 1000,
    }


def across(cluster: RedisCluster) -> dict[str, Any]:
    nodes = [{"ip": node.host, "port": node.port} for node in cluster.nodes[:2]]
    return {"cluster_nodes": nodes, "password": cluster.nodes[0].password, "timeout": 1000}


def survives(read: Callable[[], Any], disturb: Callable[[], None]) -> list[object]:
    """Call ``read`` again and again while ``disturb`` runs and until it works, and return what came."""
    seen: list[object] = []
    over = threading.Event()

    def reader() -> None:
        while not over.is_set():
            try:
                seen.append(read())
            except VaultError as error:
                seen.append(type(error))

    thread = threading.Thread(target=reader)
    thread.start()
    try:
        disturb()
        mark = len(seen)
        wait_until(lambda: len(seen) > mark + 5 and not isinstance(seen[-1], type), "an answer again")
    finally:
        over.set()
        thread.join()
    return seen


class TestSentinel:
    def test_the_master_is_found_and_found_again_after_a_failover(self, redis_plural):
        sentinels = redis_plural(SentinelRedis)
        made = client(behind(sentinels))
        made.set("key", b"1", 60)
        with sentinels.servers[1].client() as replica:
            wait_until(lambda: replica.get("key") == b"1", "the replica's copy")

        seen = survives(lambda: made.get("key"), sentinels.fail_over)

        assert set(seen) <= {b"1", UnavailableError}
        made.set("key", b"2", 60)
        with sentinels.master.client() as direct:
            assert direct.get("key") == b"2"

    def test_a_master_that_was_made_a_replica_by_hand_is_left_at_the_first_write(self, redis_plural):
        sentinels = redis_plural(SentinelRedis)
        made = client(behind(sentinels))
        made.set("key", b"1", 60)

        sentinels.switch_over()

        made.set("key", b"2", 60)
        assert made.get("key") == b"2"

    @pytest.mark.parametrize(("role", "reads_on"), [("master", 0), ("slave", 1), ("any", 0)])
    def test_the_role_says_where_reads_go(self, redis_plural, role, reads_on):
        sentinels = redis_plural(SentinelRedis)
        made = client(behind(sentinels), sentinel_role=role)
        made.set("key", b"1", 60)
        wait_until(lambda: made.get("key") == b"1", "the copy")

        with sentinels.servers[reads_on].client() as asked:
            calls = asked.info("commandstats")["cmdstat_get"]["calls"]
            made.get("key")
            assert asked.info("commandstats")["cmdstat_get"]["calls"] == calls + 1

    @pytest.mark.parametrize("role", ["slave", "any"])
    def test_reads_go_on_where_only_the_other_role_is_left(self, redis_plural, role):
        sentinels = redis_plural(SentinelRedis)
        made = client(behind(sentinels), sentinel_role=role)
        made.set("key", b"1", 60)
        wait_until(lambda: made.get("key") == b"1", "the copy")

        sentinels.servers[1 if role == "slave" else 0].stop()

        assert made.get("key") == b"1"

    @pytest.mark.parametrize("wrong", ["password", "sentinel_password"])
    @pytest.mark.parametrize("role", ["master", "slave"])
    def test_a_refusal_by_either_side_is_seen_as_one(self, redis_plural, role, wrong):
        sentinels = redis_plural(SentinelRedis)
        made = client(behind(sentinels), **{wrong: Secret("wrong"), "sentinel_role": role})

        with pytest.raises(
            AuthenticationError, match=r"^Redis master 'cache' of the Sentinels at 127\.0\.0\.1:\d+ ref"
        ):
            made.get("key")

    def test_tls_to_all(self, redis_plural, certificates):
        sentinels = redis_plural(SentinelRedis, tls=certificates)
        trusted = {"ssl": True, "ssl_ca_file": str(certificates.authority)}
        made = client(behind(sentinels), **trusted, server_name="localhost")
        made.set("key", b"1", 30)

        assert made.get("key") == b"1"
        with pytest.raises(UnavailableError):
            client(behind(sentinels), ssl=True).get("key")
        with pytest.raises(UnavailableError):
            client(behind(sentinels), **trusted, server_name="redis.example").get("key")

    def test_no_sentinel_there(self):
        nodes = [{"host": "127.0.0.1", "port": free_port()}]

        with pytest.raises(UnavailableError, match="is unavailable: no Sentinel that answers knows that master"):
            client({"sentinel_master": MASTER, "sentinel_nodes": nodes}).get("key")

    @pytest.mark.usefixtures("installed_vault")
    def test_both_passwords_rotate(self, redis_plural, secrets):
        sentinels = redis_plural(SentinelRedis)
        secrets.write("redis", "sesame-one")
        secrets.write("sentinel", "sentry-one")
        section = behind(sentinels) | {"password": "{vault://fs/redis}", "sentinel_password": "{vault://fs/sentinel}"}
        cache = RedisStorage(bind({"redis": with_defaults(REDIS_FIELDS, section)}))
        cache.store("abc", b"1", 30)

        secrets.write("redis", "sesame-two")
        secrets.write("sentinel", "sentry-two")
        sentinels.change_sentinel_password("sentry-two")
        sentinels.servers[0].change_password("sesame-two")
        sentinels.servers[0].disconnect_clients()

        assert cache.fetch("abc") == b"1"


@pytest.fixture(scope="module")
def cluster(real_redis, tmp_path_factory):
    """For tests that change nothing but keys and slots of their own: it takes two seconds to come together."""
    with RedisCluster(tmp_path_factory.mktemp("cluster")) as started:
        yield started


class TestCluster:
    def test_keys_of_every_node_and_a_slot_that_moved(self, cluster):
        made = client(across(cluster))
        keys = [f"key-{number}" for number in range(12)]
        for key in keys:
            made.set(key, key.encode(), 60)

        assert [made.get(key) for key in keys] == [key.encode() for key in keys]
        taker = cluster.move_slot_of("key-0")
        made.set("key-0", b"moved", 60)
        assert made.get("key-0") == b"moved"
        with taker.client() as direct:
            assert direct.get("key-0") == b"moved"
        assert made.delete_if("key-0", b"other") is False
        assert made.delete_if("key-0", b"moved") is True
        assert made.get("key-0") is None

    def test_too_many_redirections_are_an_error(self, cluster):
        made = client(across(cluster), cluster_max_redirections=3)
        made.get("bounced")
        before = cluster.bounce_slot_of("bounced")

        with pytest.raises(UnavailableError):
            made.get("bounced")

        assert cluster.redirections() - before == 4, "the first try and three more"

    def test_a_node_that_is_gone(self, redis_plural):
        cluster = redis_plural(RedisCluster)
        made = client(across(cluster))
        made.set("key-0", b"1", 60)

        for node in cluster.nodes:
            node.stop()

        with pytest.raises(UnavailableError, match=r"^Redis Cluster at 127\.0\.0\.1:\d+, 127\.0\.0\.1:\d+ is unav"):
            made.get("key-0")
        with pytest.raises(UnavailableError):
            client(across(cluster)).get("key-0")

    def test_a_wrong_password_is_a_refusal(self, cluster):

        with pytest.raises(AuthenticationError, match="refuses the username or password"):
            client(across(cluster), password="wrong").get("key")

    def test_tls_by_our_own_name(self, redis_plural, certificates):
        cluster = redis_plural(RedisCluster, tls=certificates)
        trusted = {"ssl": True, "ssl_ca_file": str(certificates.authority)}
        made = client(across(cluster), **trusted, server_name="localhost")
        made.set("key", b"1", 30)

        assert made.get("key") == b"1"
        with pytest.raises(UnavailableError):
            client(across(cluster), **trusted, server_name="redis.example").get("key")

    @pytest.mark.usefixtures("installed_vault")
    def test_the_password_rotates_while_it_is_in_use(self, redis_plural, secrets):
        cluster = redis_plural(RedisCluster)
        secrets.write("redis", "sesame-one")
        section = across(cluster) | {"password": "{vault://fs/redis}"}
        cache = RedisStorage(bind({"redis": with_defaults(REDIS_FIELDS, section)}))
        cache.store("abc", b"1", 30)

        def rotate() -> None:
            secrets.write("redis", "sesame-two")
            cluster.change_password("sesame-two")

        seen = survives(lambda: cache.fetch("abc"), rotate)

        assert set(seen) == {b"1"}


@pytest.mark.parametrize(
    ("section", "problem"),
    [
        ({"sentinel_master": "cache"}, "needs both"),
        ({"sentinel_nodes": [{}]}, "needs both"),
        ({"sentinel_role": "any"}, "needs both"),
        ({"sentinel_master": "cache", "sentinel_nodes": [{}], "cluster_nodes": [{}]}, "exclude each other"),
        ({"cluster_nodes": [{}], "database": 2}, "database 0 alone"),
        ({"cluster_nodes": [{}], "references": {"database": "{vault://fs/x}"}}, "database 0 alone"),
    ],
)
def test_a_section_that_contradicts_itself_is_refused(section, problem):
    with pytest.raises(ConfigError, match=problem):
        check_topology(with_defaults(REDIS_FIELDS, section))
