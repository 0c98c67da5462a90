"""The process's table of counters: shared, bounded, and honest about what Redis doesn't know."""

from __future__ import annotations

import threading

from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable
from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Limit, Rule

NOW = 6_000_000_000.0
MINUTE = Rule((Limit(10, 60),), sliding=False, counts_denied=True)
BOTH = Rule((Limit(10, 60), Limit(100, 3600)), sliding=True, counts_denied=True)
KEY = ("orders", "alex")
WINDOW = int(NOW // 60)


def passed(table: CounterTable, key: tuple[str, str], rule: Rule = MINUTE, requests: int = 1) -> int:
    return sum(table.count(key, rule, NOW).allowed for _ in range(requests))


def test_keys_and_namespaces_are_counted_apart():
    table = CounterTable()

    assert [passed(table, key, requests=12) for key in (KEY, ("orders", "bo"), ("users", "alex"))] == [10, 10, 10]
    assert passed(table, KEY) == 0


def test_rules_of_one_namespace_share_a_window_of_the_same_size():
    table = CounterTable()

    assert passed(table, KEY, requests=6) + passed(table, KEY, BOTH, requests=6) == 10


def test_parallel_clients_never_get_more_than_the_limit():
    table = CounterTable()
    rule = Rule((Limit(500, 60),), sliding=False, counts_denied=True)
    results: list[int] = []
    threads = [threading.Thread(target=lambda: results.append(passed(table, KEY, rule, 200))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(results) == 500


def test_a_full_table_forgets_who_has_been_quiet_for_longest():
    table = CounterTable(max_entries=3)
    for name in "abc":
        passed(table, ("orders", name), requests=10)
    passed(table, ("orders", "a"))

    passed(table, ("orders", "d"))

    assert len(table) == 3
    assert [passed(table, ("orders", name)) for name in "acb"] == [0, 0, 1], "b is the one that was forgotten"


def test_what_is_over_makes_room_at_the_next_newcomer():
    table = CounterTable()
    for number in range(100):
        passed(table, ("orders", str(number)))

    table.count(("orders", "new"), MINUTE, NOW + 121)

    assert len(table) == 1


def test_what_is_taken_for_redis_is_taken_once_and_can_be_given_back():
    table = CounterTable()
    for _ in range(3):
        table.count(KEY, BOTH, NOW, unsent=True)

    taken = table.take(KEY, NOW)

    assert taken == {(60, WINDOW): 3, (3600, int(NOW // 3600)): 3}
    assert set(table.take(KEY, NOW).values()) == {0}
    table.give_back(KEY, taken)
    table.count(KEY, BOTH, NOW, unsent=True)
    assert set(table.take(KEY, NOW).values()) == {4}


def test_windows_that_are_over_are_not_sent():
    table = CounterTable()
    table.count(KEY, BOTH, NOW, unsent=True)

    assert table.take(KEY, NOW + 60) == {(60, WINDOW): 1, (3600, int(NOW // 3600)): 1}
    table.count(KEY, MINUTE, NOW, unsent=True)
    assert table.take(KEY, NOW + 7200) == {}
    assert table.take(("orders", "nobody"), NOW) == {}


def test_what_redis_knows_counts_with_what_it_has_not_been_sent_yet():
    table = CounterTable()
    for _ in range(2):
        table.count(KEY, MINUTE, NOW, unsent=True)

    table.learn(KEY, {60: Count(WINDOW, 7, 1)}, NOW)

    assert passed(table, KEY, requests=5) == 1


def test_the_window_before_is_learned_too():
    table = CounterTable()
    sliding = Rule((Limit(10, 60),), sliding=True, counts_denied=True)
    table.count(KEY, sliding, NOW, unsent=True)

    table.learn(KEY, {60: Count(WINDOW + 1, 0, 4)}, NOW + 60)

    assert sum(table.count(KEY, sliding, NOW + 60).allowed for _ in range(10)) == 5
