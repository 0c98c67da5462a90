"""vault-proxy-cache phase by phase, on a scripted PDK: what it asks of Kong, and what it makes of the answers."""

from __future__ import annotations

import contextlib
import types
from typing import Any

import pytest

from kong_vault_py import UnavailableError
from kong_vault_py.plugin_kit.caching.entry import Entry
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load

NOW = 1_800_000_000.0
JSON = {"content-type": ["application/json"]}


class Time(types.SimpleNamespace):
    def time(self) -> float:
        return float(self.now)


@pytest.fixture
def plugin_module(monkeypatch):
    module = load("vault-proxy-cache")
    monkeypatch.setattr(module, "time", Time(now=NOW))
    return module


class Cache:
    """One instance with a storage in a dictionary, and requests through its phases."""

    def __init__(self, module: Any, **config: Any) -> None:
        self.clock = module.time
        self.plugin = module.Plugin({"strategy": "memory", "route_id": "r1", **config})
        self.stored: dict[str, bytes] = {}
        self.kept_s: dict[str, float] = {}
        self.failure: Exception | None = None
        self.plugin._storage = self

    def fetch(self, key: str) -> bytes | None:
        if self.failure:
            raise self.failure
        return self.stored.get(key)

    def store(self, key: str, value: bytes, kept_s: float) -> None:
        if self.failure:
            raise self.failure
        self.stored[key], self.kept_s[key] = value, kept_s

    def access(self, request: str = "GET /users?a=1 HTTP/1.1", **answers: Any) -> FakeKong:
        query = request.split(" ")[1].partition("?")[2]
        kong = FakeKong(**{"nginx__get_var": request, "request__get_raw_query": query, **answers})
        with contextlib.suppress(Exited):
            self.plugin.access(kong)
        return kong

    def response(self, kong: FakeKong, status: int = 200, headers: Any = JSON, body: Any = b"[]") -> FakeKong:
        answers = {
            "service__response__get_status": status,
            "response__get_headers": headers,
            "service__response__get_raw_body": body,
        }
        answering = FakeKong(**answers)
        answering.shared = kong.shared
        self.plugin.response(answering)
        return answering

    def fill(self, request: str = "GET /users?a=1 HTTP/1.1", **answers: Any) -> None:
        self.response(self.access(request), **answers)


def marks(kong: FakeKong) -> dict[str, str]:
    """The headers that a phase wrote."""
    written: dict[str, str] = dict(kong.arguments("response.set_header"))
    for (headers,) in kong.arguments("response.set_headers"):
        written |= headers
    for exit_arguments in kong.arguments("response.exit"):
        written |= exit_arguments[2] if len(exit_arguments) > 2 else {}
    return written


def test_a_miss_goes_upstream_and_its_response_is_stored(plugin_module):
    cache = Cache(plugin_module)

    asked = cache.access()
    answered = cache.response(asked, headers={**JSON, "connection": ["close"]}, body=b"\x00\xff")

    (key,) = cache.stored
    assert marks(answered) == {"X-Cache-Status": "Miss", "X-Cache-Key": key}
    assert Entry.unpack(cache.stored[key]) == Entry(200, JSON, b"\x00\xff", NOW, 300.0)
    assert cache.kept_s == {key: 300.0}


def test_a_hit_answers_with_what_was_stored(plugin_module):
    cache = Cache(plugin_module)
    cache.fill(status=404, headers={**JSON, "x-many": ["1", "2"]}, body=b"\x00\xff")
    cache.clock.now += 7.9

    asked = cache.access()

    (key,) = cache.stored
    own = {"Age": "7", "X-Cache-Status": "Hit", "X-Cache-Key": key}
    headers = {"content-type": "application/json", "x-many": ["1", "2"], **own}
    assert asked.arguments("response.exit") == [(404, b"\x00\xff", headers)]


def test_an_entry_past_cache_ttl_is_refreshed(plugin_module):
    cache = Cache(plugin_module, cache_ttl=10, storage_ttl=100)
    cache.fill(body=b"old")
    cache.clock.now += 11

    answered = cache.response(cache.access(), body=b"new")

    (stored,) = cache.stored.values()
    entry = Entry.unpack(stored)
    assert marks(answered)["X-Cache-Status"] == "Refresh"
    assert entry is not None
    assert (entry.body, entry.stored_at_s) == (b"new", NOW + 11)
    assert list(cache.kept_s.values()) == [100.0]


@pytest.mark.parametrize(
    "answer",
    [
        {"status": 500},
        {"headers": {"content-type": ["text/html"]}},
        {"headers": {**JSON, "set-cookie": ["a"]}},
        {"body": None},
    ],
)
def test_a_response_that_may_not_be_stored_is_a_bypass(plugin_module, answer):
    cache = Cache(plugin_module)

    answered = cache.response(cache.access(), **answer)

    assert marks(answered)["X-Cache-Status"] == "Bypass"
    assert not cache.stored


def test_a_method_that_is_not_cached_is_a_bypass_and_its_response_is_left_alone(plugin_module):
    cache = Cache(plugin_module)

    asked = cache.access("DELETE /users HTTP/1.1")
    answered = cache.response(asked)

    assert marks(asked) == {"X-Cache-Status": "Bypass"}
    assert answered.names == ["ctx.shared.get"]


def test_each_status_costs_a_known_number_of_pdk_calls(plugin_module):
    """A PDK call is a round trip to Kong: this table is the one in docs/plugins/vault-proxy-cache.md."""
    cache = Cache(plugin_module)

    missed = cache.access()
    stored = cache.response(missed)
    hit = cache.access()
    bypassed = cache.access("DELETE / HTTP/1.1")

    identity = ["nginx.get_var", "client.get_consumer", "request.get_raw_query"]
    assert missed.names == [*identity, "ctx.shared.set"]
    assert stored.names == [
        "ctx.shared.get",
        "service.response.get_status",
        "response.get_headers",
        "service.response.get_raw_body",
        "response.set_headers",
    ]
    assert hit.names == [*identity, "response.exit"]
    assert bypassed.names == ["nginx.get_var", "response.set_header"]


def test_headers_and_route_are_asked_for_only_where_they_matter(plugin_module):
    global_plugin = Cache(plugin_module, route_id=None)
    heeding = Cache(plugin_module, cache_control=True)
    varying = Cache(plugin_module, vary_headers=["accept"])

    assert global_plugin.access().names.count("router.get_route") == 1
    assert heeding.access().names.count("request.get_headers") == 1
    assert varying.access().names.count("request.get_headers") == 1


def test_consumers_routes_and_varying_headers_do_not_share_entries(plugin_module):
    cache = Cache(plugin_module, route_id=None, vary_headers=["Accept"])
    requests: list[dict[str, Any]] = [
        {},
        {"client__get_consumer": {"id": "c1"}},
        {"router__get_route": {"id": "r2"}},
        {"request__get_headers": {"Accept": ["text/html"]}},
        {"request__get_headers": {"accept": "text/plain"}},
    ]

    for answers in requests:
        cache.response(cache.access(**answers))

    assert len(cache.stored) == len(requests)


def test_paths_differ_by_case_unless_the_config_says_otherwise(plugin_module):
    exact, lenient = Cache(plugin_module), Cache(plugin_module, ignore_uri_case=True)

    for cache in (exact, lenient):
        cache.fill("GET /Users HTTP/1.1")
        cache.fill("GET /users HTTP/1.1")

    assert (len(exact.stored), len(lenient.stored)) == (2, 1)


def test_only_configured_query_parameters_make_another_entry(plugin_module):
    cache = Cache(plugin_module, vary_query_params=["page"])

    for request in ("GET /?page=1&utm=a HTTP/1.1", "GET /?utm=b&page=1 HTTP/1.1", "GET /?page=2 HTTP/1.1"):
        cache.fill(request)

    assert len(cache.stored) == 2


def test_bodies_are_part_of_the_key_of_methods_that_have_one(plugin_module):
    cache = Cache(plugin_module, request_method=["POST"])

    for body in (b"q=1", b"q=2", b"q=1"):
        cache.response(cache.access("POST /search HTTP/1.1", request__get_raw_body=body))
    large = cache.access("POST /search HTTP/1.1", request__get_headers={"content-length": ["99999999"]})
    chunked = cache.access("POST /search HTTP/1.1", request__get_headers={"transfer-encoding": ["chunked"]})

    assert len(cache.stored) == 2
    assert marks(large) == marks(chunked) == {"X-Cache-Status": "Bypass"}


def test_a_client_may_ask_for_the_cache_only(plugin_module):
    cache = Cache(plugin_module, cache_control=True)

    asked = cache.access(request__get_headers={"cache-control": ["only-if-cached"]})

    assert asked.arguments("response.exit") == [(504,)]


def test_a_client_may_refuse_the_cache(plugin_module):
    cache = Cache(plugin_module, cache_control=True)

    asked = cache.access(request__get_headers={"cache-control": ["no-store"]})

    assert marks(asked) == {"X-Cache-Status": "Bypass"}


def test_a_lifetime_from_the_upstream_counts(plugin_module):
    cache = Cache(plugin_module, cache_control=True)

    cache.fill(headers={**JSON, "cache-control": ["max-age=20"]})

    assert list(cache.kept_s.values()) == [20.0]


def test_marks_that_the_config_hides_are_not_sent(plugin_module):
    hidden = {"age": False, "X-Cache-Status": False, "X-Cache-Key": False}
    cache = Cache(plugin_module, response_headers=hidden)

    asked = cache.access()
    answered = cache.response(asked)
    hit = cache.access()
    bypassed = cache.access("DELETE / HTTP/1.1")

    assert "response.set_headers" not in answered.names
    assert hit.arguments("response.exit") == [(200, b"[]", {"content-type": "application/json"})]
    assert bypassed.names == ["nginx.get_var"]


def test_a_storage_that_is_out_means_bypass_and_one_line_in_the_log(plugin_module):
    cache = Cache(plugin_module)
    cache.failure = UnavailableError("Redis at 127.0.0.1:6379 is unavailable: Connection refused")

    first, second = cache.access(), cache.access()

    assert marks(first) == marks(second) == {"X-Cache-Status": "Bypass"}
    assert first.arguments("log.err") == [
        ("Redis at 127.0.0.1:6379 is unavailable: Connection refused; the cache is out of use until it answers",)
    ]
    assert second.names == ["nginx.get_var", "response.set_header"], "not tried again within the pause"


def test_a_storage_that_comes_back_is_used_again_and_said_so_once(plugin_module):
    cache = Cache(plugin_module)
    cache.failure = UnavailableError("Redis is unavailable")
    cache.access()
    cache.failure = None
    cache.plugin._reads._pause_s = cache.plugin._reads._next_try_s = 0

    back = cache.access()

    assert marks(cache.response(back))["X-Cache-Status"] == "Miss"
    assert back.arguments("log.notice") == [("the storage answers again: the cache is in use",)]
    assert cache.access().arguments("log.notice") == []


def test_an_operator_may_prefer_an_error_to_an_unprotected_upstream(plugin_module):
    cache = Cache(plugin_module, bypass_on_err=False)
    cache.failure = UnavailableError("Redis is unavailable")

    assert cache.access().arguments("response.exit") == [(503, {"message": "Service unavailable"})]


def test_a_response_that_can_not_be_stored_reaches_the_client_with_one_line_in_the_log(plugin_module):
    cache = Cache(plugin_module)
    first, second = cache.access(), cache.access()
    cache.failure = UnavailableError("Redis at 127.0.0.1:6379 is unavailable: OOM")

    answered, again = cache.response(first), cache.response(second)

    assert marks(answered)["X-Cache-Status"] == "Miss"
    assert len(answered.arguments("log.err")) == 1
    assert again.arguments("log.err") == []


def test_a_damaged_entry_is_refreshed_and_named_once(plugin_module):
    cache = Cache(plugin_module)
    cache.fill()
    (key,) = cache.stored
    cache.stored[key] = b"not ours"

    first, second = cache.access(), cache.access()
    answered = cache.response(first)

    assert marks(answered)["X-Cache-Status"] == "Refresh"
    assert first.arguments("log.warn") == [
        (f"cache entry {key} is damaged or of another format: it will be overwritten",)
    ]
    assert second.arguments("log.warn") == []
    assert marks(cache.access())["X-Cache-Status"] == "Hit"


def test_it_works_on_the_stock_servers_pdk(plugin_module):
    cache = Cache(plugin_module)
    kong = FakeKong(nginx__get_var="GET / HTTP/1.1", service__response__get_status=200, response__get_headers=JSON)
    kong.answers["service.response.get_raw_body"] = b"1"

    cache.plugin.access(StockKong(kong))
    cache.plugin.response(StockKong(kong))
    cache.plugin.access(StockKong(kong))

    assert [status for status, *_ in kong.arguments("response.exit")] == [200]
