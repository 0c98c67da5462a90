"""The arithmetic of vault-rate-limiting: fixed and sliding windows, what a client is told, how long it has to wait."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kong_vault_py import ConfigError
from kong_vault_py.plugin_kit.rate_limiting.headers import client_headers, window_name
from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable
from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Limit, Rule, rolled

#: A multiple of every window here, and later than any computer's clock: windows begin at it.
START = 86_400.0 * 30_000
KEY = ("orders", "alex")


def rule(limit: list[float], size: list[float], **config: Any) -> Rule:
    given = {"limit": limit, "window_size": size, "window_type": "fixed", "disable_penalty": False}
    return Rule.from_config(given | config)


class Client:
    """Sends requests at moments after START and notes which pass."""

    def __init__(self, rule: Rule) -> None:
        self.rule = rule
        self.table = CounterTable()

    def sends(self, requests: int, at_s: float) -> int:
        """Return how many of them pass."""
        tallies = [self.table.count(KEY, self.rule, START + at_s) for _ in range(requests)]
        self.headers = client_headers(self.rule, tallies[-1])
        return sum(tally.allowed for tally in tallies)


def test_a_fixed_window_lets_its_limit_pass_and_ends_on_time():
    client = Client(rule([10], [60]))

    assert client.sends(12, 59) == 10
    assert client.headers["Retry-After"] == "1"
    assert client.sends(12, 60) == 10, "the documentation's burst over the border"
    assert client.headers["Retry-After"] == "60"


def test_a_sliding_window_takes_the_one_before_by_the_share_that_it_still_covers():
    client = Client(rule([10], [60], window_type="sliding"))

    assert client.sends(10, 59) == 10
    assert client.sends(1, 60) == 0
    assert client.sends(4, 90) == 4, "half of the 10 count, and the denied one"
    assert client.sends(1, 90) == 0


def test_a_burst_over_the_limit_blocks_for_as_long_as_it_lasts():
    """As documented: denied requests count, so 12 a minute never get through a limit of 10 again."""
    client = Client(rule([10], [60], window_type="sliding"))

    assert client.sends(12, 0) == 10
    assert [client.sends(1, second) for second in range(65, 665, 5)].count(1) <= 1


def test_without_the_penalty_a_client_over_the_limit_gets_the_limit():
    client = Client(rule([10], [60], window_type="sliding", disable_penalty=True))

    passed = [client.sends(1, second) for second in range(0, 600, 2)]

    assert 90 <= sum(passed) <= 110
    assert all(sum(passed[start : start + 30]) <= 11 for start in range(30, 270))


def test_disable_penalty_is_for_sliding_windows_only():
    limited = {"limit": [1, 100], "size": [1, 60]}
    client = Client(rule(limited["limit"], limited["size"], disable_penalty=True))

    client.sends(5, 0)

    assert client.headers["X-RateLimit-Remaining-Minute"] == "95"


def test_every_limit_has_to_be_kept():
    client = Client(rule([2, 5], [1, 60]))

    assert [client.sends(2, second) for second in range(4)] == [2, 2, 1, 0]


def test_the_headers_tell_of_every_limit_and_of_the_one_with_the_least_left():
    client = Client(rule([5, 10, 7], [1, 60, 30]))
    client.sends(4, 40.5)

    assert client.headers == {
        "X-RateLimit-Limit-Second": "5",
        "X-RateLimit-Remaining-Second": "1",
        "X-RateLimit-Limit-Minute": "10",
        "X-RateLimit-Remaining-Minute": "6",
        "X-RateLimit-Limit-30": "7",
        "X-RateLimit-Remaining-30": "3",
        "RateLimit-Limit": "5",
        "RateLimit-Remaining": "1",
        "RateLimit-Reset": "1",
    }


def test_of_two_exhausted_limits_the_longer_wait_counts():
    client = Client(rule([2, 2], [1, 3600]))
    client.sends(3, 10)

    assert (client.headers["RateLimit-Reset"], client.headers["Retry-After"]) == ("3590", "3590")


def test_windows_have_kongs_names():
    named = {1: "Second", 60: "Minute", 3600: "Hour", 86400: "Day", 2592000: "Month", 31536000: "Year"}

    assert {size: window_name(size) for size in named} == named
    assert [window_name(size) for size in (30, 60.0, 0.5)] == ["30", "Minute", "0.5"]


def test_a_sliding_window_says_when_the_next_request_passes():
    client = Client(rule([10], [60], window_type="sliding", disable_penalty=True))
    client.sends(10, 0)
    client.sends(1, 30)
    assert client.headers["Retry-After"] == "36", "30 to the window's end, and a tenth of the next one"
    client.sends(1, 63)
    assert client.headers["Retry-After"] == "3"
    assert client.sends(1, 66) == 1


@settings(max_examples=150, deadline=None)
@given(
    limits=st.lists(st.tuples(st.integers(1, 20), st.sampled_from([1, 7, 30, 60])), min_size=1, max_size=3),
    sliding=st.booleans(),
    penalty=st.booleans(),
    gaps=st.lists(st.floats(0, 40), min_size=1, max_size=40),
)
def test_who_waits_as_told_passes(limits, sliding, penalty, gaps):
    """Whatever came before: after Retry-After seconds without requests, one passes."""
    config = {"window_type": "sliding" if sliding else "fixed", "disable_penalty": not penalty}
    client = Client(rule([limit for limit, _ in limits], [size for _, size in limits], **config))
    now = 0.0
    for gap in gaps:
        now += gap
        if not client.sends(1, now):
            now += int(client.headers["Retry-After"])
            assert client.sends(1, now) == 1


@settings(max_examples=100, deadline=None)
@given(
    limit=st.integers(1, 30),
    moments=st.lists(st.floats(0, 300), min_size=1, max_size=200).map(sorted),
    sliding=st.booleans(),
)
def test_no_window_lets_more_pass_than_its_limit(limit, moments, sliding):
    client = Client(rule([limit], [60], window_type="sliding" if sliding else "fixed"))
    passed: dict[int, int] = {}
    for moment in moments:
        window = math.floor((START + moment) / 60)
        passed[window] = passed.get(window, 0) + client.sends(1, moment)

    assert max(passed.values()) <= limit


@pytest.mark.parametrize("sliding", [True, False])
def test_a_limit_below_one_lets_nothing_pass_and_still_says_something_sane(sliding):
    client = Client(rule([0], [60], window_type="sliding" if sliding else "fixed"))

    assert client.sends(3, 0) == 0
    assert 60 <= int(client.headers["Retry-After"]) <= 120


def test_jitter_is_added_to_retry_after_alone():
    client = Client(rule([1], [60]))
    client.sends(2, 50)
    tally = client.table.count(KEY, client.rule, START + 50)

    found = [client_headers(client.rule, tally, 5) for _ in range(300)]

    assert {headers["RateLimit-Reset"] for headers in found} == {"10"}
    assert {int(headers["Retry-After"]) for headers in found} == set(range(10, 16))


def test_a_clock_that_goes_back_opens_no_window():
    client = Client(rule([3], [60]))

    assert client.sends(3, 60) == 3
    assert client.sends(1, 59) == 0


def test_counts_roll_from_window_to_window():
    count = Count(10, 7, 3)

    assert rolled(count, 60, 650) == count
    assert rolled(count, 60, 660) == Count(11, 0, 7)
    assert rolled(count, 60, 720) == Count(12, 0, 0)
    assert rolled(None, 60, 725) == Count(12, 0, 0)


def test_of_two_limits_for_one_window_the_lower_one_counts():
    assert rule([10, 5], [60, 60.0]).limits == (Limit(5, 60),)


@pytest.mark.parametrize(("limit", "size"), [([1], [60, 3600]), ([1, 2], [60]), ([], [])])
def test_limits_and_windows_have_to_pair(limit, size):
    with pytest.raises(ConfigError, match="^You must provide the same number of windows and limits$"):
        rule(limit, size)
