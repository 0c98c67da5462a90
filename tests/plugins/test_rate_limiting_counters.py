"""The strategies over a real Redis: exact, periodic, and what happens while Redis is away."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import pytest

from kong_vault_py import UnavailableError
from kong_vault_py.plugin_kit.rate_limiting.counters import LocalCounters, PeriodicCounters, SharedCounters
from kong_vault_py.plugin_kit.rate_limiting.redis_counts import KEY_PREFIX, RedisCounts
from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable
from kong_vault_py.plugin_kit.rate_limiting.windows import Limit, Rule
from tests.plugins.test_rate_limiting_redis import counts
from tests.servers.polling import wait_until

pytestmark = [pytest.mark.real("redis"), pytest.mark.usefixtures("installed_vault")]

NOW = 6_000_000_000.0
#: So long that no test sees two of them.
LONG_S = 10.0**8
TEN = Rule((Limit(10, LONG_S),), sliding=False, counts_denied=True)
REDIS_KEY = f"{KEY_PREFIX}orders:alex"


class Log(list[tuple[str, str]]):
    """What Kong's log would have."""

    def err(self, message: str) -> None:
        self.append(("err", message))

    def notice(self, message: str) -> None:
        self.append(("notice", message))


@pytest.fixture
def server(redis_server, secrets):
    secrets.write("password", "sesame-one")
    return redis_server(password="sesame-one")


@pytest.fixture
def log():
    return Log()


def shared(redis: RedisCounts, *, tolerant: bool = True, table: CounterTable | None = None) -> SharedCounters:
    return SharedCounters(TEN, "orders", table or CounterTable(), redis, tolerant=tolerant)


def periodic(redis: RedisCounts, *, tolerant: bool = True, sync_rate_s: float = 0.02) -> PeriodicCounters:
    return PeriodicCounters(TEN, "orders", CounterTable(), redis, tolerant=tolerant, sync_rate_s=sync_rate_s)


def passed(counters: Any, log: Log, requests: int) -> int:
    return sum(counters.count("alex", log).allowed for _ in range(requests))


def in_redis(server: Any) -> int:
    with server.client() as direct:
        return int((direct.hget(REDIS_KEY, f"{LONG_S:.0f}") or b"0 0 0").split()[1])


def test_local_counters_count_by_their_own_clock(log):
    now = [NOW]
    minute = Rule((Limit(10, 60),), sliding=False, counts_denied=True)
    counters = LocalCounters(minute, "orders", CounterTable(), lambda: now[0])

    assert passed(counters, log, 12) == 10
    now[0] += 60
    assert passed(counters, log, 12) == 10


def test_gateways_with_sync_rate_0_have_one_count(server, log):
    gateways = [shared(counts(server, None)) for _ in range(3)]

    assert sum(passed(gateway, log, 5) for gateway in gateways) == 10
    assert log == []


def test_while_redis_is_away_each_gateway_goes_on_from_what_it_knows(server, log):
    one, other = (shared(counts(server, None)) for _ in range(2))
    assert passed(one, log, 4) + passed(other, log, 2) == 6
    server.stop()

    assert [passed(gateway, log, 10) for gateway in (one, other)] == [6, 4]
    assert [level for level, _ in log] == ["err", "err"], "once per gateway"
    assert log[0][1].endswith("Connection refused; counting in this process alone until it answers")


def test_what_was_counted_meanwhile_reaches_redis_when_it_is_back(server, log):
    gateway = shared(counts(server, None))
    passed(gateway, log, 1)
    server.stop()
    assert passed(gateway, log, 6) == 6
    server.start()
    asked = 6

    def back() -> bool:
        nonlocal asked
        asked += 1
        passed(gateway, log, 1)
        return len(log) == 2

    wait_until(back, "a line that Redis is back")
    wait_until(
        lambda: in_redis(server) == asked, "every request since the outage began in Redis, which came back empty"
    )

    assert [level for level, _ in log] == ["err", "notice"]
    assert log[1][1] == "Redis answers again: it has the counters"


def test_a_redis_that_is_away_is_tried_once_per_pause(server, log, monkeypatch):
    gateway = shared(counts(server, None))
    server.stop()
    tries: list[int] = []
    monkeypatch.setattr(
        gateway._redis, "count", lambda *_: tries.append(1) or (_ for _ in ()).throw(UnavailableError("away"))
    )

    passed(gateway, log, 100)

    assert len(tries) <= 2
    assert log == [("err", "away; counting in this process alone until it answers")]


@pytest.mark.parametrize("make", [shared, periodic])
def test_without_tolerance_nothing_passes_while_redis_is_away(server, log, make):
    gateway = make(counts(server, None), tolerant=False)
    passed(gateway, log, 1)
    server.stop()

    def refuses() -> bool:
        try:
            gateway.count("alex", log)
        except UnavailableError:
            return True
        return False

    wait_until(refuses, "a request that is refused")
    assert all(refuses() for _ in range(20))
    assert [level for level, _ in log] == ["err"]
    assert log[0][1].endswith("requests are refused until it answers")
    server.start()
    wait_until(lambda: not refuses(), "requests that pass again")


def test_periodic_counters_reach_redis_and_other_gateways(server, log):
    one, other = (periodic(counts(server, None)) for _ in range(2))
    assert passed(one, log, 7) == 7
    wait_until(lambda: in_redis(server) == 7, "the first gateway's counts in Redis")

    assert passed(other, log, 1) == 1, "it doesn't know of them yet"
    wait_until(lambda: in_redis(server) == 8, "the second one's count in Redis")
    wait_until(
        lambda: other._table.count(("orders", "bo"), TEN, time.time()) and passed(other, log, 5) < 5, "its limit"
    )
    assert log == []


def test_periodic_counting_adds_up_under_parallel_clients(server, log):
    wide = Rule((Limit(10**6, LONG_S),), sliding=False, counts_denied=True)
    gateways = [
        PeriodicCounters(wide, "orders", CounterTable(), counts(server, None), tolerant=True, sync_rate_s=0.02)
        for _ in range(3)
    ]
    threads = [threading.Thread(target=passed, args=(gateway, log, 500)) for gateway in gateways * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    wait_until(lambda: in_redis(server) >= 3000, "all counts in Redis")

    assert in_redis(server) == 3000


def test_periodic_counting_goes_on_while_redis_is_away_and_catches_up(server, log):
    gateway = periodic(counts(server, None))
    server.stop()
    assert passed(gateway, log, 4) == 4
    wait_until(lambda: bool(passed(gateway, log, 1)) and bool(log), "a line in the log", timeout_s=5)
    counted = 10 - next(n for n in range(11) if not passed(gateway, log, 1))
    assert counted < 10
    server.start()

    wait_until(lambda: in_redis(server) >= 10, "the counts in Redis")
    assert log[0][0] == "err"


def test_the_background_ends_when_there_is_nothing_to_send(server, log):
    def running() -> int:
        return sum(thread.name == "rate-limiting-backlog" for thread in threading.enumerate())

    before = running()
    gateway = periodic(counts(server, None))
    assert running() == before
    passed(gateway, log, 3)
    wait_until(lambda: running() == before and in_redis(server) == 3, "its end")
    passed(gateway, log, 1)
    wait_until(lambda: running() == before and in_redis(server) == 4, "its second end")


def test_the_background_ends_with_its_instance_even_if_redis_never_comes_back(server, log):
    gateway = periodic(counts(server, None))
    server.stop()
    passed(gateway, log, 1)
    health = gateway._health
    wait_until(lambda: not health.is_good, "a try that failed")

    del gateway

    def ended() -> bool:
        gc.collect()  # a connection error refers to its own frames
        return "rate-limiting-backlog" not in {thread.name for thread in threading.enumerate()}

    wait_until(ended, "its end", timeout_s=10)


def test_a_fault_of_our_own_does_not_end_the_background(server, log, monkeypatch, caplog):
    gateway = periodic(counts(server, None))
    faults = iter([True])
    merge = RedisCounts.merge

    def faulty(self: RedisCounts, *arguments: Any) -> None:
        if next(faults, False):
            raise KeyError("made up")
        merge(self, *arguments)

    monkeypatch.setattr(RedisCounts, "merge", faulty)
    passed(gateway, log, 3)

    wait_until(lambda: in_redis(server) == 3, "the counts in Redis")
    assert "counters could not be sent" in caplog.text
    passed(gateway, log, 1)
    assert log[0][1].startswith("counters could not be sent to Redis: KeyError; counting in this process alone")
    assert log[1:] == [("notice", "Redis answers again: it has the counters")]


def test_a_password_rotates_while_periodic_counters_run(server, secrets, log):
    gateway = periodic(counts(server, None))
    for number, password in enumerate(("sesame-two", "sesame-three"), start=1):
        passed(gateway, log, 1)
        wait_until(lambda number=number: in_redis(server) == number, "the count in Redis")
        secrets.write("password", password)
        server.change_password(password)
        server.disconnect_clients()

    passed(gateway, log, 1)
    wait_until(lambda: in_redis(server) == 3, "the last count in Redis")
    assert log == []
