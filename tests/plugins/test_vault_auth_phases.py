"""vault-auth on a scripted PDK: what it asks of Kong and of the vault, what it lets pass, what it says."""

from __future__ import annotations

import contextlib
import gc
import json
import logging
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.errors import ConfigError, SecretNotFoundError, UnavailableError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.plugin import install_vault, vault
from kong_vault_py.strategies.base import Fetched, Health, HealthStatus, Strategy
from tests.plugins.fake_kong import Exited, FakeKong, StockKong
from tests.plugins.loading import load

ALEX = {"id": "ce67c25e-2168-4a09-81e5-e06187a2384f", "username": "alex", "custom_id": "c1"}
GUEST = {"id": "0d1e0f7a-7d4c-4a52-a1bb-5c2f3d3c5a11", "username": "guest"}
UPSTREAM = "service.request."


class Clock:
    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


class Shelf:
    """A vault in memory that counts what it is asked."""

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}
        self.asked: list[str] = []
        self.down = False

    def put(self, name: str, secret: str, **more: Any) -> None:
        record = {"access_token": name, "secret_token": secret, "consumer": {"id": ALEX["id"]}, **more}
        self.secrets[f"kong-auth/{name}"] = json.dumps(record)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def shelf(clock: Clock) -> Iterator[Shelf]:
    """The process's vault knows one strategy, ``shelf``; nothing is refreshed but on demand."""
    shelf = Shelf()

    class ShelfStrategy(Strategy[StrategyConfig]):
        name = "shelf"
        config_class = StrategyConfig

        def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
            shelf.asked.append(resource)
            if shelf.down:
                raise UnavailableError(f"reading {resource!r}: connection refused")
            if resource not in shelf.secrets:
                raise SecretNotFoundError(f"no secret {resource!r}")
            return Fetched(shelf.secrets[resource])

        def check(self, *, timeout_s: float) -> Health:
            return Health(HealthStatus.OK)

        def close(self) -> None:
            pass

    settings = Settings.load(environ={"KONG_VAULT_PY_CACHE_MAX_ENTRIES": "50"})
    made = Vault(settings, clock=clock, strategies=lambda _: ShelfStrategy, background=False)
    install_vault(made)
    yield shelf
    install_vault(None)
    made.close()


def plugin(**config: Any) -> Any:
    return load("vault-auth").Plugin({"vault": "shelf", "path": "kong-auth", **config})


def ask(made: Any, headers: dict[str, Any] | None = None, *, stock: bool = False, **answers: Any) -> FakeKong:
    given = {"request__get_headers": headers or {}, "client__load_consumer": ALEX, **answers}
    kong = FakeKong(**given)
    with contextlib.suppress(Exited):
        made.access(StockKong(kong) if stock else kong)
    return kong


def pair(access: str, secret: str) -> dict[str, list[str]]:
    return {"access_token": [access], "secret_token": [secret]}


def outcome(kong: FakeKong) -> Any:
    """What the client gets: the status of the answer, or "passed"."""
    answers = kong.arguments("response.error") + kong.arguments("response.exit")
    return answers[0][0] if answers else "passed"


def test_a_valid_pair_passes_as_its_consumer_with_a_counted_number_of_calls(shelf):
    shelf.put("foo", "s1")

    kong = ask(plugin(), pair("foo", "s1"))

    assert kong.names == [
        "request.get_headers",
        "request.get_raw_query",
        "client.load_consumer",
        "client.authenticate",
        UPSTREAM + "set_headers",
        UPSTREAM + "clear_header",
        UPSTREAM + "clear_header",
    ]
    (consumer, credential) = kong.arguments("client.authenticate")[0]
    assert consumer == ALEX
    assert credential["consumer"] == {"id": ALEX["id"]}
    assert kong.arguments(UPSTREAM + "set_headers")[0][0] == {
        "X-Consumer-ID": ALEX["id"],
        "X-Consumer-Custom-ID": "c1",
        "X-Consumer-Username": "alex",
        "X-Credential-Identifier": credential["id"],
    }
    assert kong.arguments(UPSTREAM + "clear_header") == [("access_token",), ("secret_token",)]
    assert "s1" not in repr(kong.calls)


def test_credentials_that_stay_cost_five_calls(shelf):
    shelf.put("foo", "s1")

    kong = ask(plugin(hide_credentials=False), pair("foo", "s1"))

    assert kong.names == [
        "request.get_headers",
        "client.load_consumer",
        "client.authenticate",
        UPSTREAM + "set_headers",
    ]


def test_a_second_request_asks_no_vault(shelf):
    shelf.put("foo", "s1")
    made = plugin()

    assert [outcome(ask(made, pair("foo", "s1"))) for _ in range(3)] == ["passed"] * 3
    assert shelf.asked == ["kong-auth/foo"]


def test_whatever_is_wrong_looks_the_same(shelf):
    shelf.put("foo", "s1")
    shelf.secrets["kong-auth/password"] = "sesame"
    shelf.put("broken", "s1", consumer=None)
    made = plugin()
    wrong = [
        {},
        {"access_token": ["foo"]},
        {"secret_token": ["s1"]},
        pair("foo", "s2"),
        pair("foo", ""),
        pair("nobody", "s1"),
        pair("password", "sesame"),
        pair("broken", "s1"),
        pair("../foo", "s1"),
        {"access_token": ["foo", "foo"], "secret_token": ["s1"]},
    ]

    answers = [ask(made, headers) for headers in wrong]

    expected = [(401, "Unauthorized", {"WWW-Authenticate": "Vault"})]
    assert [kong.arguments("response.error") for kong in answers] == [expected] * len(wrong)
    assert not any("client.authenticate" in kong.names for kong in answers)
    assert "sesame" not in repr([kong.calls for kong in answers])


@pytest.mark.parametrize(
    "token",
    [
        *(
            "..",
            "a/../b",
            "a..b",
            "a/b",
            "a%2Fb",
            "a%252Fb",
            "a?ttl=1",
            "a#2",
            "a;b",
            "a+b",
            "a b",
            "",
            ".a",
            "-a",
            "~",
        ),
        *("a}", "{vault://shelf/x}", "a\n", "a\x00", "ä", "\udcff", "a\u2028", "x" * 256, "a\\b", "a:b", "a@b", "a&b"),
    ],
)
def test_what_no_access_token_looks_like_never_reaches_the_vault(shelf, token):
    kong = ask(plugin(), pair(token, "s1"))

    assert outcome(kong) == 401
    assert shelf.asked == []


@pytest.mark.parametrize("token", ["a", "A-b_c.d~9", "x" * 255])
def test_the_whole_token_is_the_secrets_name(shelf, token):
    shelf.put(token, "s1")

    assert outcome(ask(plugin(), pair(token, "s1"))) == "passed"
    assert shelf.asked == [f"kong-auth/{token}"]


def test_without_a_path_records_stand_at_the_vaults_top(shelf):
    ask(plugin(path=None), pair("foo", "s1"))

    assert shelf.asked == ["foo"]


def test_a_wrong_secret_and_an_unknown_token_cost_the_vault_the_same(shelf, clock):
    """Both are one question, then none for a second: neither tells whether the access token exists."""
    shelf.put("foo", "s1")
    made = plugin()
    ask(made, pair("foo", "s1"))
    shelf.asked.clear()
    told: dict[str, list[int]] = {}

    for token in ("foo", "bar"):
        for step_s in (0.01, 0.3, 0.3, 1.1, 0.3, 1.1):
            clock.now_s += step_s
            before = len(shelf.asked)
            assert outcome(ask(made, pair(token, "wrong"))) == 401
            told.setdefault(token, []).append(len(shelf.asked) - before)

    assert told["foo"] == told["bar"] == [1, 0, 0, 1, 0, 1]


def test_a_rotated_secret_works_at_once_and_the_old_one_no_more(shelf, clock):
    shelf.put("foo", "s1")
    made = plugin()
    assert outcome(ask(made, pair("foo", "s1"))) == "passed"

    shelf.put("foo", "s2")
    clock.now_s += 5

    assert outcome(ask(made, pair("foo", "s2"))) == "passed"
    assert outcome(ask(made, pair("foo", "s1"))) == 401


def test_a_record_is_asked_for_again_after_ttl_and_a_revoked_one_is_gone(shelf, clock):
    shelf.put("foo", "s1")
    made = plugin(ttl=60)
    ask(made, pair("foo", "s1"))
    shelf.secrets.clear()

    clock.now_s += 61
    vault().rotate()

    assert outcome(ask(made, pair("foo", "s1"))) == 401


def test_a_records_own_ttl_is_kept_to_even_when_the_vault_is_down(shelf, clock):
    shelf.put("foo", "s1", ttl=10)
    made = plugin()
    assert outcome(ask(made, pair("foo", "s1"))) == "passed"

    clock.now_s += 11
    assert outcome(ask(made, pair("foo", "s1"))) == "passed"
    assert len(shelf.asked) == 2
    shelf.down = True
    clock.now_s += 9
    assert outcome(ask(made, pair("foo", "s1"))) == "passed"
    clock.now_s += 2
    kong = ask(made, pair("foo", "s1"))

    assert outcome(kong) == 503
    assert "a credential whose own ttl is over" in kong.arguments("log.err")[0][0]


@pytest.mark.parametrize("stock", [False, True])
@pytest.mark.parametrize("config", [{}, {"anonymous": "guest"}])
def test_a_vault_that_is_down_closes_and_the_log_shows_no_token(shelf, stock, config):
    shelf.down = True

    kong = ask(plugin(**config), pair("hunter2-hunter2", "s1"), stock=stock, client__get_credential=None)

    assert kong.arguments("response.exit") == [(503, {"message": "Service unavailable"})]
    assert "client.authenticate" not in kong.names
    (told,) = kong.arguments("log.err")[0]
    assert told.startswith("vault 'shelf' can't be asked for credentials: ")
    assert "connection refused" in told
    assert "hunter2" not in told


def test_a_vault_that_is_down_serves_known_pairs_on(shelf, clock):
    shelf.put("foo", "s1")
    made = plugin()
    ask(made, pair("foo", "s1"))
    shelf.down = True
    clock.now_s += 3600

    assert outcome(ask(made, pair("foo", "s1"))) == "passed"
    assert outcome(ask(made, pair("foo", "s2"))) == 401


def test_an_error_in_the_stock_server_closes_too(shelf):
    """There an exception lets the request pass, after a minute."""
    shelf.put("foo", "s1")

    kong = ask(plugin(), pair("foo", "s1"), stock=True, client__load_consumer=ValueError("s1"))

    assert kong.arguments("response.exit") == [(500, {"message": "An unexpected error occurred"})]
    assert "ValueError" in kong.arguments("log.err")[0][0]
    assert "s1" not in kong.arguments("log.err")[0][0]


def test_tokens_made_up_by_clients_leave_nothing_behind(shelf, monkeypatch):
    """But for the remembered misses, of which the vault keeps 50 here."""
    monkeypatch.setattr(logging.getLogger("kong_vault_py.resources"), "disabled", True)  # pytest keeps every record
    made = plugin()

    def attack(numbers: range) -> int:
        for number in numbers:
            assert outcome(ask(made, pair(f"made-up-{number}", "s1"))) == 401
        assert len(shelf.asked) == len(numbers), "each is a question of its own"
        shelf.asked.clear()
        gc.collect()
        return tracemalloc.get_traced_memory()[0]

    attack(range(200))
    tracemalloc.start()
    before = attack(range(1000, 1200))
    after = attack(range(2000, 3500))
    tracemalloc.stop()

    assert vault().status().resources == ()
    assert after - before < 50_000


def test_a_secret_that_is_no_record_is_told_once(shelf):
    shelf.secrets["kong-auth/other"] = "sesame"
    made = plugin()

    told = [ask(made, pair("other", "x")).arguments("log.warn") for _ in range(2)]

    assert told == [[("the secret of access token 'other' is no credential: it is no JSON",)], []]


def test_whoever_knows_the_names_of_secrets_can_not_fill_the_log(shelf):
    shelf.secrets = {f"kong-auth/other-{number}": "sesame" for number in range(120)}
    made = plugin()

    told = [ask(made, pair(f"other-{number}", "x")).arguments("log.warn") for number in range(120)]

    assert sum(map(len, told)) == 100


def test_a_consumer_that_kong_does_not_have(shelf):
    shelf.put("foo", "s1")

    kong = ask(plugin(), pair("foo", "s1"), client__load_consumer=None)

    assert outcome(kong) == 401
    assert "Kong has no consumer" in kong.arguments("log.warn")[0][0]


def test_a_consumer_by_username(shelf):
    shelf.put("foo", "s1", consumer="alex")

    assert ask(plugin(), pair("foo", "s1")).arguments("client.load_consumer") == [("alex", True)]


def test_anonymous_is_who_nobody_knows(shelf):
    headers = {**pair("foo", "wrong"), "x-credential-identifier": ["mine"]}

    kong = ask(plugin(anonymous="guest"), headers, client__load_consumer=GUEST)

    assert kong.arguments("client.load_consumer") == [("guest", True)]
    assert kong.arguments("client.authenticate") == [(GUEST,)]
    assert kong.arguments(UPSTREAM + "set_headers")[0][0] == {
        "X-Consumer-ID": GUEST["id"],
        "X-Consumer-Username": "guest",
        "X-Anonymous-Consumer": "true",
    }
    assert kong.arguments(UPSTREAM + "clear_header") == [
        ("x-credential-identifier",),
        ("access_token",),
        ("secret_token",),
    ]


def test_with_anonymous_one_authentication_is_enough(shelf):
    kong = ask(plugin(anonymous="guest"), client__get_credential={"id": "by key-auth"})

    assert kong.names == ["client.get_credential"]


def test_an_anonymous_consumer_that_does_not_exist(shelf):
    kong = ask(plugin(anonymous="guest"), client__load_consumer=None)

    assert outcome(kong) == 500
    assert kong.arguments("log.err") == [("the anonymous consumer 'guest' doesn't exist",)]


def test_identity_that_a_client_made_up_is_cleared(shelf):
    shelf.put("foo", "s1")
    spoofed = {"x-consumer-id": ["x"], "x-consumer-custom-id": ["x"], "x_consumer_username": ["x"]}
    anonymous = {"x-anonymous-consumer": ["true"]}

    kong = ask(
        plugin(hide_credentials=False),
        {**pair("foo", "s1"), **spoofed, **anonymous},
        client__load_consumer={"id": ALEX["id"], "username": "alex"},
    )

    cleared = [name for (name,) in kong.arguments(UPSTREAM + "clear_header")]
    assert cleared == ["x-consumer-custom-id", "x_consumer_username", "x-anonymous-consumer"]


def test_so_many_headers_that_some_stay_unseen_are_refused(shelf):
    kong = ask(plugin(), {f"x-{number}": ["1"] for number in range(1000)})

    assert outcome(kong) == 431


def test_tokens_in_the_query_are_found_and_hidden(shelf):
    shelf.put("foo", "s1")

    kong = ask(plugin(), request__get_raw_query="a=1&access_token=foo&secret_token=s1")

    assert outcome(kong) == "passed"
    assert kong.arguments(UPSTREAM + "set_raw_query") == [("a=1",)]


def test_a_copy_in_the_query_is_hidden_too(shelf):
    shelf.put("foo", "s1")

    kong = ask(plugin(), pair("foo", "s1"), request__get_raw_query="secret_token=s1")

    assert kong.arguments(UPSTREAM + "set_raw_query") == [("",)]


FORM = {"content-type": ["application/x-www-form-urlencoded"], "content-length": ["9"]}


def test_tokens_in_the_body_count_where_the_config_says_so(shelf):
    shelf.put("foo", "s1")
    body = b"access_token=foo&secret_token=s1&n=1"

    closed = ask(plugin(), FORM, request__get_raw_body=body)
    open_ = ask(plugin(tokens_in_body=True), FORM, request__get_raw_body=body)

    assert outcome(closed) == 401
    assert "request.get_raw_body" not in closed.names
    assert outcome(open_) == "passed"
    assert open_.arguments(UPSTREAM + "set_raw_body") == [(b"n=1",)]


def test_a_body_that_is_not_needed_is_not_read(shelf):
    shelf.put("foo", "s1")
    made = plugin(tokens_in_body=True, hide_credentials=False)

    assert "request.get_raw_body" not in ask(made, {**FORM, **pair("foo", "s1")}).names
    assert "request.get_raw_body" not in ask(plugin(tokens_in_body=True), pair("foo", "s1")).names


def test_a_body_too_large_to_look_into(shelf):
    headers = {**FORM, "content-length": ["99999999"]}

    assert outcome(ask(plugin(tokens_in_body=True), headers)) == 413


def test_preflight(shelf):
    options = {"request__get_method": "OPTIONS"}

    assert ask(plugin(run_on_preflight=False), **options).names == ["request.get_method"]
    assert outcome(ask(plugin(run_on_preflight=False), request__get_method="GET")) == 401
    assert outcome(ask(plugin(), **options)) == 401


@pytest.mark.parametrize(
    "config", [{"vault": "a/b"}, {"vault": ""}, {"path": "a//b"}, {"path": "../b"}, {"path": "a?b"}]
)
def test_a_config_that_is_no_part_of_a_reference(config):
    with pytest.raises(ConfigError):
        plugin(**config)


def test_a_bug_in_a_strategy_closes(shelf):
    shelf.secrets = None

    kong = ask(plugin(), pair("foo", "s1"))

    assert outcome(kong) == 503
    assert "TypeError" in kong.arguments("log.err")[0][0]
