from __future__ import annotations

import dataclasses

import pytest

from kong_vault_py.plugin_kit.caching.key import RequestIdentity, cache_key, vary_by_headers, vary_by_query

PLAIN = RequestIdentity(consumer_id=None, route_id="r1", method="GET", path="/users")


def test_a_key_is_a_sha256_and_depends_on_nothing_else():
    assert cache_key(PLAIN) == cache_key(dataclasses.replace(PLAIN))
    assert len(cache_key(PLAIN)) == 64
    assert int(cache_key(PLAIN), 16)


@pytest.mark.parametrize(
    "other",
    [
        {"consumer_id": "c1"},
        {"route_id": "r2"},
        {"method": "HEAD"},
        {"path": "/users/1"},
        {"query": ("a=1",)},
        {"headers": (("accept", ("text/html",)),)},
        {"body_sha256": "00"},
    ],
)
def test_each_part_makes_another_key(other):
    assert cache_key(dataclasses.replace(PLAIN, **other)) != cache_key(PLAIN)


def test_parts_keep_their_borders():
    """Joined with separators, these pairs would be one text, and one client could fill another one's entry."""
    path = dataclasses.replace(PLAIN, path="/users|a=1")
    query = dataclasses.replace(PLAIN, query=("a=1",))
    one_header = dataclasses.replace(PLAIN, headers=(("a", ("1:b=2",)),))
    two_headers = dataclasses.replace(PLAIN, headers=(("a", ("1",)), ("b", ("2",))))

    assert len({cache_key(each) for each in (path, query, one_header, two_headers)}) == 4


def test_text_that_was_no_utf8_makes_a_key_too():
    assert cache_key(dataclasses.replace(PLAIN, path="/\udcff")) != cache_key(
        dataclasses.replace(PLAIN, path="/\udcfe")
    )


def test_parameters_count_in_any_order_but_values_of_one_name_keep_theirs():
    assert vary_by_query("b=2&a=1", ()) == vary_by_query("a=1&b=2", ()) == ("a=1", "b=2")
    assert vary_by_query("a=1&a=2", ()) != vary_by_query("a=2&a=1", ())
    assert vary_by_query("", ()) == vary_by_query("&&", ()) == ()


def test_a_flag_is_not_an_empty_value():
    assert vary_by_query("a", ()) != vary_by_query("a=", ())


def test_only_configured_parameters_count_however_they_are_spelled():
    assert vary_by_query("utm=x&page=2&b%20c=3", ["page", "b c"]) == ("b%20c=3", "page=2")
    assert vary_by_query("utm=x", ["page"]) == ()


def test_only_configured_headers_count_in_any_case():
    headers = {"accept": ["text/html"], "x-tenant": ["a", "b"], "user-agent": ["curl"]}

    assert vary_by_headers(headers, ["X-Tenant", "Accept", "accept", "X-Absent"]) == (
        ("accept", ("text/html",)),
        ("x-tenant", ("a", "b")),
    )
    assert vary_by_headers(headers, []) == ()
