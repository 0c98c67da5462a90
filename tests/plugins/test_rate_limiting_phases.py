"""vault-rate-limiting on a scripted PDK: what it asks of Kong, whom it counts together, and what it refuses to be."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest

from kong_vault_py import ConfigError
from kong_vault_py.plugin_kit.rate_limiting.table import TABLE
from kong_vault_py.testing.schema import complete, validate
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load
from tests.servers.ports import free_port

MODULE = load("vault-rate-limiting")
#: So long that no test sees two of them.
LONG_S = 10**8
ALEX = {"id": "c1", "username": "alex", "custom_id": "42"}


@pytest.fixture(autouse=True)
def _empty_table():
    TABLE._entries.clear()


def plugin(**config: Any) -> Any:
    given = {"limit": [2], "window_size": [LONG_S], "window_type": "fixed", "namespace": "orders", **config}
    return MODULE.Plugin(given)


def access(made: Any, *, stock: bool = False, **answers: Any) -> FakeKong:
    kong = FakeKong(**{"client__get_forwarded_ip": "10.0.0.1", **answers})
    with contextlib.suppress(Exited):
        made.access(StockKong(kong) if stock else kong)
    return kong


def passes(made: Any, **answers: Any) -> bool:
    return "response.exit" not in access(made, **answers).names


@pytest.mark.parametrize("stock", [False, True])
def test_a_request_within_its_limits_goes_on_and_the_next_one_is_answered(stock):
    made = plugin(limit=[1])

    first, second = access(made, stock=stock), access(made, stock=stock)

    (headers,) = first.arguments("response.set_headers")[0]
    assert headers["RateLimit-Remaining"] == "0"
    assert "Retry-After" not in headers
    ((status, body, headers),) = second.arguments("response.exit")
    assert (status, body) == (429, {"message": "API rate limit exceeded"})
    assert headers["Retry-After"] == headers["RateLimit-Reset"]
    assert headers[f"X-RateLimit-Limit-{LONG_S}"] == "1"


def test_status_and_message_are_configured():
    made = plugin(limit=[0], error_code=503, error_message="later, please")

    ((status, body, _),) = access(made).arguments("response.exit")

    assert (status, body) == (503, {"message": "later, please"})


def test_hidden_headers_are_hidden_from_all():
    made = plugin(limit=[1], hide_client_headers=True)

    assert access(made, client__get_consumer=ALEX).names == ["client.get_consumer"]
    assert access(made, client__get_consumer=ALEX).arguments("response.exit")[0][2] == {}


# What the docs' table says.
PDK_CALLS = {
    ("ip", ""): ["client.get_forwarded_ip"],
    ("consumer", "known"): ["client.get_consumer"],
    ("consumer", ""): ["client.get_consumer", "client.get_credential", "client.get_forwarded_ip"],
    ("consumer", "scoped"): [],
    ("credential", "known"): ["client.get_credential"],
    ("service", "known"): ["router.get_service"],
    ("service", "scoped"): [],
    ("route", "scoped"): [],
    ("header", "known"): ["request.get_header"],
    ("path", "known"): ["request.get_path"],
    ("path", ""): ["request.get_path", "client.get_forwarded_ip"],
}


@pytest.mark.parametrize(("identifier", "case"), PDK_CALLS)
def test_pdk_calls_are_counted(identifier, case):
    scope = {"consumer_id": "c1", "service_id": "s1", "route_id": "r1"} if case == "scoped" else {}
    answers = {
        "client__get_consumer": ALEX,
        "client__get_credential": {"id": "k1"},
        "router__get_service": {"id": "s1"},
        "request__get_header": "blue",
        "request__get_path": "/orders",
    }
    made = plugin(limit=[1], identifier=identifier, header_name="x-tenant", path="/orders", **scope)

    kongs = [access(made, **(answers if case == "known" else {})) for _ in range(2)]

    identifying = PDK_CALLS[identifier, case]
    assert kongs[0].names == [*identifying, "response.set_headers"]
    assert kongs[1].names == [*identifying, "response.exit"]


@pytest.mark.parametrize(
    ("config", "one", "other"),
    [
        ({"identifier": "consumer"}, {"client__get_consumer": ALEX}, {"client__get_consumer": {"id": "c2"}}),
        (
            {"identifier": "consumer"},
            {"client__get_credential": {"id": "k1"}},
            {"client__get_credential": {"id": "k2"}},
        ),
        ({"identifier": "consumer"}, {"client__get_consumer": {"id": "k1"}}, {}),
        ({"identifier": "credential"}, {"client__get_credential": {"id": "k1"}}, {}),
        ({"identifier": "service"}, {"router__get_service": {"id": "s1"}}, {"router__get_service": {"id": "s2"}}),
        ({"identifier": "route"}, {"router__get_route": {"id": "r1"}}, {"router__get_route": {"id": "r2"}}),
        ({"identifier": "ip"}, {}, {"client__get_forwarded_ip": "10.0.0.2"}),
        ({"identifier": "path", "path": "/a"}, {"request__get_path": "/a"}, {"request__get_path": "/b"}),
        ({"identifier": "header", "header_name": "x"}, {"request__get_header": "10.0.0.1"}, {}),
        (
            {"compound_identifier": ["header", "ip"], "header_name": "x"},
            {"request__get_header": "a"},
            {"request__get_header": "a", "client__get_forwarded_ip": "10.0.0.2"},
        ),
        (
            {"identifier": "consumer", "counter_key": "consumer.username"},
            {"client__get_consumer": ALEX},
            {"client__get_consumer": {**ALEX, "username": "bo"}},
        ),
    ],
)
def test_who_is_counted_apart(config, one, other):
    made = plugin(limit=[1], **config)

    assert [passes(made, **one), passes(made, **one), passes(made, **other), passes(made, **other)] == [1, 0, 1, 0]


def test_counter_key_counts_consumers_of_several_control_planes_together():
    made = plugin(limit=[1], counter_key="consumer.custom_id")

    assert passes(made, client__get_consumer=ALEX)
    assert not passes(made, client__get_consumer={**ALEX, "id": "another"})
    assert passes(made, client__get_consumer={"id": "42"}), "one without the attribute counts by its id"


def test_compound_identifiers_ask_for_the_address_once():
    made = plugin(compound_identifier=["ip", "consumer"])

    assert access(made).names.count("client.get_forwarded_ip") == 1


def test_plugins_with_one_namespace_share_their_counters_and_others_do_not():
    assert passes(plugin(limit=[1], namespace="a"))
    assert not passes(plugin(limit=[1], namespace="a"))
    assert passes(plugin(limit=[1], namespace="b"))
    generated = {"namespace": None, "limit": [1]}
    assert passes(plugin(**generated, __plugin_id="p1"))
    assert not passes(plugin(**generated, __plugin_id="p1"))
    assert passes(plugin(**generated, __plugin_id="p2"))
    assert passes(plugin(**generated))
    assert passes(plugin(**generated))


def test_nothing_of_a_header_stays_in_memory():
    made = plugin(identifier="header", header_name="x-api-key")

    access(made, request__get_header="sesame-open" * 10_000)

    ((namespace, identifier),) = TABLE._entries
    assert (namespace, len(identifier)) == ("orders", 32)


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("sync_rate", [0, 0.02])
@pytest.mark.usefixtures("installed_vault")
def test_a_redis_that_is_out_is_a_500_where_that_is_not_tolerated(stock, sync_rate):
    redis = {"host": "127.0.0.1", "port": free_port()}
    made = plugin(strategy="redis", sync_rate=sync_rate, redis=redis, fault_tolerant=False)
    made._counters._health.heard(OSError("away"))

    kong = access(made, stock=stock)

    assert kong.arguments("response.exit") == [(500, {"message": "An unexpected error occurred"})]
    assert kong.arguments("log.err") == [("away; requests are refused until it answers",)]
    assert access(made, stock=stock).arguments("log.err") == []


@pytest.mark.usefixtures("installed_vault")
def test_a_reference_that_leads_nowhere_is_like_a_redis_that_is_out():
    made = plugin(strategy="redis", redis={"password": "{vault://fs/absent}"})

    kongs = [access(made) for _ in range(3)]

    assert ["response.exit" in kong.names for kong in kongs] == [False, False, True]
    (line,) = [line for kong in kongs for (line,) in kong.arguments("log.err")]
    assert "{vault://fs/absent}" in line
    assert "counting in this process alone" in line


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"limit": [1, 2]}, "the same number of windows and limits"),
        ({"identifier": "header"}, "identifier 'header' needs the option 'header_name'"),
        ({"compound_identifier": ["ip", "path"]}, "identifier 'path' needs the option 'path'"),
        ({"sync_rate": 1}, "sync_rate is for the redis strategy"),
        ({"strategy": "redis", "sync_rate": 0.01}, "sync_rate is -1, 0, or at least 0.02 seconds"),
        ({"strategy": "redis", "sync_rate": -0.5}, "sync_rate is -1, 0, or at least 0.02 seconds"),
        ({"strategy": "redis", "redis": {"sentinel_master": "m"}}, "sentinel_nodes"),
    ],
)
def test_a_config_that_contradicts_itself_is_refused(config, message):
    with pytest.raises(ConfigError, match=message):
        plugin(**config)


@pytest.mark.parametrize(("strategy", "sync_rate"), [("local", None), ("local", -1), ("redis", -1)])
def test_without_synchronisation_no_redis_is_needed(strategy, sync_rate, monkeypatch):
    monkeypatch.setattr("kong_vault_py.plugin_kit.redis_client.RedisClient.shared", None)

    assert [passes(plugin(strategy=strategy, sync_rate=sync_rate)) for _ in range(3)] == [True, True, False]


def test_kongs_documented_configs_are_taken():
    schema = list(MODULE.Schema)
    for config in (
        {"limit": [10, 100], "window_size": [60, 3600]},
        {"limit": [200], "window_size": [1800], "window_type": "fixed", "namespace": "my-namespace"},
        {"limit": [10], "window_size": [60], "identifier": "consumer", "counter_key": "consumer.username"},
        {"limit": [5], "window_size": [30], "sync_rate": -1, "strategy": "local"},
    ):
        completed = complete(schema, json.loads(json.dumps(config)))
        validate(schema, completed)
        assert MODULE.Plugin(completed)
