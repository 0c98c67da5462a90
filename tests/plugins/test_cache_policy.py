from __future__ import annotations

from typing import Any

import pytest

from kong_vault_py import ConfigError
from kong_vault_py.plugin_kit.caching.cache_control import parse_directives, resource_ttl_s
from kong_vault_py.plugin_kit.caching.entry import Entry
from kong_vault_py.plugin_kit.caching.media_type import MediaType
from kong_vault_py.plugin_kit.caching.policy import CachePolicy

NOW = 1_800_000_000.0


def policy(**config: Any) -> CachePolicy:
    defaults: dict[str, Any] = {
        "request_method": ["GET", "HEAD"],
        "response_code": [200, 301, 404],
        "content_type": ["text/plain", "application/json"],
        "cache_ttl": 300,
        "storage_ttl": None,
        "cache_control": False,
        "vary_headers": None,
    }
    return CachePolicy.from_config(defaults | config)


def entry(*, age_s: float, ttl_s: float = 300) -> Entry:
    return Entry(200, {}, b"", stored_at_s=NOW - age_s, ttl_s=ttl_s)


JSON = {"content-type": ["application/json"]}


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], {}),
        (["no-store"], {"no-store": True}),
        (["Max-Age=60, private"], {"max-age": 60.0, "private": True}),
        (["max-age=60", "s-maxage=0"], {"max-age": 60.0, "s-maxage": 0.0}),
        (['max-age="60"'], {"max-age": 60.0}),
        (["max-age=soon"], {"max-age": "soon"}),
        ([" , ,no-cache ,"], {"no-cache": True}),
        (["max-age=\u0661"], {"max-age": "\u0661"}),
    ],
)
def test_cache_control_is_parsed(values, expected):
    assert parse_directives(values) == expected


@pytest.mark.parametrize(
    ("cache_control", "expires", "ttl_s"),
    [
        ("max-age=60", None, 60),
        ("max-age=60, s-maxage=10", None, 10),
        ("s-maxage=0, max-age=60", None, 0),
        ("max-age=soon", "Fri, 15 Jan 2027 08:01:00 GMT", 0),
        ("public", "Fri, 15 Jan 2027 08:01:00 GMT", 60),
        ("", "Fri, 15 Jan 2027 07:00:00 GMT", 0),
        ("", "0", 0),
        ("", "-1", 0),
        ("", "Fri, 99 Foo 99999999999 08:01:00 GMT", 0),
        ("", None, 0),
    ],
)
def test_a_responses_lifetime(cache_control, expires, ttl_s):
    headers = {"expires": [expires]} if expires else {}

    assert resource_ttl_s(parse_directives([cache_control]), headers, NOW) == ttl_s


@pytest.mark.parametrize(
    ("allowed", "found", "matches"),
    [
        ("application/json", "application/json", True),
        ("application/json", "Application/JSON", True),
        ("application/json", "application/json; charset=utf-8", False),
        ("application/json; charset=utf-8", "application/json;charset=utf-8", True),
        ("application/json; charset=utf-8", 'application/json; charset="utf-8"', True),
        ("application/json; charset=utf-8", "application/json", False),
        ("*/*", "image/png", True),
        ("*", "image/png", True),
        ("text/*", "text/html", True),
        ("text/*", "image/png", False),
        ("text/html", "text/html extra", False),
        ("text/html", "html", False),
        ("text/html", "", False),
    ],
)
def test_content_types_match_exactly_but_for_wildcards(allowed, found, matches):
    ttl_s = policy(content_type=[allowed]).response_ttl_s({"content-type": [found]}, NOW)

    assert (ttl_s is not None) == matches


def test_a_content_type_that_is_none_is_refused_at_the_start():
    with pytest.raises(ConfigError, match="'nonsense' is no media type"):
        policy(content_type=["nonsense"])


def test_quoted_parameters_and_a_bare_star_are_parsed():
    assert MediaType.parse('a/b; x="1;2"; y=3') == MediaType("a", "b", {"x": "1;2", "y": "3"})
    assert MediaType.parse("*") == MediaType("*", "*")
    assert MediaType.parse("a/b;") is None


def test_without_cache_control_only_the_config_counts():
    plain = policy()

    assert plain.allows_request(parse_directives(["no-store"]), {"authorization": ["Bearer x"]})
    assert plain.response_ttl_s({**JSON, "cache-control": ["no-store"]}, NOW) == 300
    assert plain.allows_status(404)
    assert not plain.allows_status(500)


@pytest.mark.parametrize("directive", ["no-store", "no-cache"])
def test_with_cache_control_a_client_can_refuse_the_cache(directive):
    assert not policy(cache_control=True).allows_request({directive: True}, {})


def test_with_cache_control_an_authorized_request_is_cached_only_where_the_key_tells_users_apart():
    headers = {"authorization": ["Bearer x"]}

    assert not policy(cache_control=True).allows_request({}, headers)
    assert policy(cache_control=True, vary_headers=["Authorization"]).allows_request({}, headers)


@pytest.mark.parametrize(
    "value", ["no-store, max-age=60", "private, max-age=60", "no-cache, max-age=60", "max-age=0", ""]
)
def test_with_cache_control_an_upstream_can_refuse_to_be_cached(value):
    assert policy(cache_control=True).response_ttl_s({**JSON, "cache-control": [value]}, NOW) is None


def test_with_cache_control_a_response_lives_as_long_as_it_says():
    heeding = policy(cache_control=True)

    assert heeding.response_ttl_s({**JSON, "cache-control": ["max-age=7"]}, NOW) == 7
    assert heeding.response_ttl_s({**JSON, "cache-control": [f"max-age={'9' * 30}"]}, NOW) < 1e9
    assert heeding.response_ttl_s({**JSON, "cache-control": ["max-age=7"], "vary": ["accept, *"]}, NOW) is None


def test_a_cookie_is_never_stored():
    assert policy().response_ttl_s({**JSON, "set-cookie": ["session=1"]}, NOW) is None


def test_a_response_without_one_content_type_is_not_stored():
    assert policy().response_ttl_s({}, NOW) is None
    assert policy().response_ttl_s({"content-type": ["text/plain", "text/plain"]}, NOW) is None


def test_entries_are_kept_for_storage_ttl_or_else_as_long_as_they_are_fresh():
    assert policy(storage_ttl=3600).kept_s(60) == 3600
    assert policy().kept_s(60) == 60


def test_without_cache_control_an_entry_answers_until_cache_ttl():
    plain = policy(cache_ttl=10)

    assert plain.satisfies(entry(age_s=10), {}, NOW)
    assert not plain.satisfies(entry(age_s=10.5), {}, NOW)
    assert plain.satisfies(entry(age_s=-5), {}, NOW), "another node's clock may be ahead"


@pytest.mark.parametrize(
    ("directives", "age_s", "answers"),
    [
        ("", 300, True),
        ("", 301, False),
        ("max-age=100", 100, True),
        ("max-age=100", 101, False),
        ("min-fresh=100", 200, True),
        ("min-fresh=100", 201, False),
        ("max-stale", 100_000, True),
        ("max-stale=50", 350, True),
        ("max-stale=50", 351, False),
        ("max-stale=soon", 301, False),
        ("max-stale, max-age=100", 101, False),
    ],
)
def test_with_cache_control_a_client_says_how_old_is_too_old(directives, age_s, answers):
    heeding = policy(cache_control=True)

    assert heeding.satisfies(entry(age_s=age_s, ttl_s=300), parse_directives([directives]), NOW) == answers
