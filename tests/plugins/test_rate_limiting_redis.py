"""Counting in a real Redis: one atomic round trip, keys that expire, and what happens while Redis is away."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kong_vault_py import AuthenticationError, InvalidResponseError, SecretNotFoundError, UnavailableError
from kong_vault_py.plugin import bind
from kong_vault_py.plugin_kit.rate_limiting.redis_counts import KEY_PREFIX, RedisCounts
from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable
from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Limit, Rule, Tally
from kong_vault_py.plugin_kit.redis_access import RedisAccess
from kong_vault_py.plugin_kit.redis_settings import REDIS_FIELDS
from kong_vault_py.plugin_kit.schema_defaults import with_defaults

pytestmark = [pytest.mark.real("redis"), pytest.mark.usefixtures("installed_vault")]

NOW = 6_000_000_000.0
WINDOW = int(NOW // 60)
MINUTE = Rule((Limit(10, 60),), sliding=False, counts_denied=True)
BOTH = Rule((Limit(10, 60), Limit(0.5, 0.25)), sliding=True, counts_denied=False)
KEY = ("orders", "alex")


def counts(server: Any, clock: Callable[[], float] | None = lambda: NOW, **redis: Any) -> RedisCounts:
    section = {"host": server.host, "port": server.port, "password": "{vault://fs/password}", "timeout": 500} | redis
    return RedisCounts(RedisAccess(bind({"redis": with_defaults(REDIS_FIELDS, section)})), clock)


@pytest.fixture
def server(redis_server, secrets):
    secrets.write("password", "sesame-one")
    return redis_server(password="sesame-one")


def test_a_request_is_counted_in_every_window_by_one_command(server):
    redis = counts(server)
    redis.count(KEY, BOTH)
    with server.client() as direct:
        before = direct.info("commandstats")["cmdstat_evalsha"]["calls"]
        tally = redis.count(KEY, Rule((Limit(10, 60), Limit(20, 3600)), sliding=True, counts_denied=True))

        assert tally == Tally(NOW, True, (Count(WINDOW, 1, 0), Count(int(NOW // 3600), 1, 0)))
        assert direct.info("commandstats")["cmdstat_evalsha"]["calls"] == before + 1
        assert direct.keys() == [f"{KEY_PREFIX}orders:alex".encode()]
        assert direct.hgetall(f"{KEY_PREFIX}orders:alex") == {
            b"60": f"{WINDOW} 1 0".encode(),
            b"3600": f"{int(NOW // 3600)} 1 0".encode(),
        }


def test_a_key_lives_for_two_of_its_longest_windows_and_is_never_shortened(server):
    redis = counts(server)
    redis.count(KEY, Rule((Limit(10, 60), Limit(20, 3600)), sliding=True, counts_denied=True))
    with server.client() as direct:
        assert 7_190_000 < direct.pttl(f"{KEY_PREFIX}orders:alex") <= 7_200_000
        redis.count(KEY, MINUTE)
        assert 7_190_000 < direct.pttl(f"{KEY_PREFIX}orders:alex") <= 7_200_000


def test_a_denied_request_without_penalty_writes_nothing(server):
    redis = counts(server)
    never = Rule((Limit(0.5, 60),), sliding=True, counts_denied=False)

    assert redis.count(KEY, never) == Tally(NOW, False, (Count(WINDOW, 0, 0),))
    with server.client() as direct:
        assert direct.keys() == []


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    limits=st.lists(
        st.builds(Limit, st.sampled_from([0, 1, 2.5, 4, 9]), st.sampled_from([0.5, 7, 60])),
        min_size=1,
        max_size=3,
        unique_by=lambda limit: limit.size_s,
    ),
    sliding=st.booleans(),
    counts_denied=st.booleans(),
    gaps=st.lists(st.floats(-5, 70), min_size=1, max_size=25),
)
def test_the_script_and_the_table_decide_alike(server, limits, sliding, counts_denied, gaps):
    rule = Rule(tuple(limits), sliding, counts_denied)
    moment = NOW
    redis, table = counts(server, lambda: moment), CounterTable()
    with server.client() as direct:
        direct.flushall()

    for gap in gaps:
        moment += round(gap, 3)
        theirs, ours = redis.count(KEY, rule), table.count(KEY, rule, moment)

        assert (theirs.allowed, theirs.counts) == (ours.allowed, ours.counts)


def test_parallel_clients_of_several_gateways_never_get_more_than_the_limit(server):
    rule = Rule((Limit(150, 60), Limit(10_000, 3600)), sliding=False, counts_denied=True)
    passed: list[int] = []

    def client() -> None:
        redis = counts(server)
        passed.append(sum(redis.count(KEY, rule).allowed for _ in range(40)))

    threads = [threading.Thread(target=client) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(passed) == 150


def test_the_time_is_redis_own(server):
    with server.client() as direct:
        before, tally, after = direct.time(), counts(server, None).count(KEY, MINUTE), direct.time()

    assert before[0] + before[1] / 1e6 <= tally.now_s <= after[0] + after[1] / 1e6 + 1e-6
    assert tally.counts[0].window in (before[0] // 60, after[0] // 60)


def test_a_redis_that_lost_its_scripts_gets_them_again(server):
    redis = counts(server)
    redis.count(KEY, MINUTE)
    with server.client() as direct:
        direct.script_flush()

    assert redis.count(KEY, MINUTE).counts[0].current == 2
    assert redis.count(KEY, MINUTE).counts[0].current == 3


def test_a_foreign_value_in_a_field_is_overwritten_and_one_under_the_key_is_an_error(server):
    redis = counts(server)
    with server.client() as direct:
        direct.hset(f"{KEY_PREFIX}orders:alex", "60", "nonsense")
        assert redis.count(KEY, MINUTE).counts == (Count(WINDOW, 1, 0),)
        direct.set(f"{KEY_PREFIX}orders:alex", "a string")

    with pytest.raises(UnavailableError, match="WRONGTYPE"):
        redis.count(KEY, MINUTE)


def test_an_answer_that_is_no_count_is_an_error(server, monkeypatch):
    redis = counts(server)
    monkeypatch.setattr("kong_vault_py.plugin_kit.rate_limiting.redis_counts.COUNT", "return {'1', 1, 'nonsense'}")
    monkeypatch.setattr("kong_vault_py.plugin_kit.rate_limiting.redis_counts._COUNT_SHA1", "0" * 40)

    with pytest.raises(InvalidResponseError, match="something else than counts"):
        redis.count(KEY, MINUTE)


def test_the_documented_acl_is_enough(server, secrets):
    rights = ["+evalsha", "+eval", "+hget", "+hset", "+pttl", "+pexpire", "+time"]
    with server.client() as direct:
        direct.execute_command("ACL", "SETUSER", "limiter", "on", ">sesame", f"~{KEY_PREFIX}*", *rights)
    secrets.write("password", "sesame")
    redis = counts(server, None, username="limiter")

    assert redis.count(KEY, BOTH).allowed is False
    assert redis.count(KEY, MINUTE).allowed
    redis.merge({KEY: {(60.0, WINDOW): 1}}, lambda *_: None)


def test_credentials_follow_the_vault_at_the_first_refusal(server, secrets):
    redis = counts(server)
    redis.count(KEY, MINUTE)

    secrets.write("password", "sesame-two")
    server.change_password("sesame-two")
    server.disconnect_clients()

    assert redis.count(KEY, MINUTE).counts[0].current == 2


def test_tls(redis_server, secrets, certificates):
    secrets.write("password", "sesame-one")
    server = redis_server(password="sesame-one", tls=certificates)

    assert counts(server, ssl=True, ssl_ca_file=str(certificates.authority)).count(KEY, MINUTE).allowed
    with pytest.raises(UnavailableError, match="certificate verify failed"):
        counts(server, ssl=True).count(KEY, MINUTE)


def test_what_can_go_wrong_is_an_error_of_our_tree(server, secrets):
    secrets.write("password", "wrong-password")
    with pytest.raises(AuthenticationError, match="refuses the username or password"):
        counts(server).count(KEY, MINUTE)
    with pytest.raises(SecretNotFoundError, match="vault://fs/absent"):
        counts(server, password="{vault://fs/absent}").count(KEY, MINUTE)


def learned(redis: RedisCounts, taken: dict[Any, Any]) -> dict[Any, Any]:
    known: dict[Any, Any] = {}
    redis.merge(taken, lambda key, counts, _: known.update({key: counts}))
    return known


def test_counts_of_another_place_are_added_to_the_windows_that_they_belong_to(server):
    redis = counts(server)
    redis.count(KEY, MINUTE)

    assert learned(redis, {KEY: {(60.0, WINDOW): 4}}) == {KEY: {60.0: Count(WINDOW, 5, 0)}}
    assert learned(redis, {KEY: {(60.0, WINDOW - 1): 7, (60.0, WINDOW): 0}}) == {KEY: {60.0: Count(WINDOW, 5, 7)}}
    assert learned(redis, {KEY: {(60.0, WINDOW - 2): 9}}) == {KEY: {60.0: Count(WINDOW, 5, 7)}}
    assert learned(redis, {KEY: {(60.0, WINDOW + 1): 1}}) == {KEY: {60.0: Count(WINDOW, 6, 7)}}, (
        "a clock ahead of Redis'"
    )


def test_many_keys_take_few_round_trips_and_none_is_lost(server):
    redis = counts(server)
    taken = {("orders", str(number)): {(60.0, WINDOW): number} for number in range(1, 251)}

    known = learned(redis, taken)

    assert {key: count[60.0].current for key, count in known.items()} == {("orders", str(n)): n for n in range(1, 251)}
    with server.client() as direct:
        assert len(direct.keys()) == 250
        assert 119_000 < direct.pttl(f"{KEY_PREFIX}orders:1") <= 120_000


def test_of_a_batch_that_fails_in_part_the_rest_is_merged_once(server):
    redis = counts(server)
    taken = {("orders", name): {(60.0, WINDOW): 1} for name in "abc"}
    known: dict[Any, Any] = {}
    with server.client() as direct:
        direct.set(f"{KEY_PREFIX}orders:b", "a string")

        with pytest.raises(UnavailableError, match="WRONGTYPE"):
            redis.merge(taken, lambda key, counts, _: known.update({key: counts[60.0].current}))

        assert known == {("orders", "a"): 1, ("orders", "c"): 1}
        assert direct.hget(f"{KEY_PREFIX}orders:a", "60") == f"{WINDOW} 1 0".encode()
