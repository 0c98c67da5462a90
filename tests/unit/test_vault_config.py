"""Vault.resolve, update, try_ and warmup: a plugin's whole config."""

import threading

import pytest

from kong_vault_py.errors import SecretNotFoundError, UnavailableError, UnknownPrefixError
from kong_vault_py.secret import Secret
from tests.unit.backend import Backend, Clock, make_vault


@pytest.fixture
def backend():
    backend = Backend()
    backend.answers.update(token="t0ken-1", db='{"username": "app", "password": "pw-1"}')
    return backend


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def vault(backend, clock):
    return make_vault(backend, clock, vault_test_ttl="10")


CONFIG = {
    "strategy": "redis",
    "redis": {"username": "{vault://test/db/username}", "password": "{vault://test/db/password}", "port": 6379},
    "headers": ["x-plain: 1", "authorization: Bearer {vault://test/token}"],
}


def test_references_become_secrets_wherever_they_are_and_the_rest_stays(vault):
    resolved = vault.resolve(CONFIG)

    assert resolved["redis"]["password"] == Secret("pw-1")
    assert resolved["redis"]["port"] == 6379
    assert resolved["headers"][0] == "x-plain: 1"
    assert resolved["headers"][1].reveal() == "authorization: Bearer t0ken-1"
    assert CONFIG["redis"]["password"] == "{vault://test/db/password}"


def test_several_references_in_one_string_are_all_replaced(vault):
    resolved = vault.resolve("{vault://test/db/username}:{vault://test/db/password}@host")

    assert resolved.reveal() == "app:pw-1@host"


def test_update_returns_the_same_object_until_a_value_changes(vault, backend, clock):
    plan = vault.plan(CONFIG)
    first = vault.update(plan)
    again = vault.update(plan)
    backend.answers["token"] = "t0ken-2"
    clock.advance(11)
    vault.rotate()
    changed = vault.update(plan)

    assert again is first
    assert changed is not first
    assert changed["headers"][1].reveal() == "authorization: Bearer t0ken-2"
    assert first["headers"][1].reveal() == "authorization: Bearer t0ken-1"
    assert backend.calls == ["db", "token"] * 2


def test_a_config_without_references_is_handed_back_and_asks_no_vault(vault, backend):
    config = {"a": [1, {"b": None}], "c": "{not a reference}"}

    assert vault.update(vault.plan(config)) is config
    assert backend.calls == []


def test_update_never_leaves_a_field_empty(vault):
    plan = vault.plan({"password": "{vault://test/absent}"})

    with pytest.raises(SecretNotFoundError, match=r"\{vault://test/absent\}"):
        vault.update(plan)


def test_fields_that_kong_resolved_itself_are_taken_from_their_reference(vault):
    config = {
        "password": "stale",
        "hosts": ["a", "stale"],
        "map": {"k": "stale"},
        "$refs": {
            "password": "{vault://test/db/password}",
            "hosts": [None, "{vault://test/token}"],
            "map": {"k": "{vault://test/token}"},
        },
    }

    resolved = vault.resolve(config)

    assert resolved["password"].reveal() == "pw-1"
    assert resolved["hosts"][0] == "a"
    assert resolved["hosts"][1].reveal() == resolved["map"]["k"].reveal() == "t0ken-1"


def test_a_vault_that_only_kong_knows_keeps_kongs_value_and_an_empty_one_fails_closed(vault):
    known_to_kong = {"password": "from-kong", "$refs": {"password": "{vault://lua-only/x}"}}
    known_to_none = {"password": "", "$refs": {"password": "{vault://lua-only/x}"}}

    assert vault.resolve(known_to_kong)["password"].reveal() == "from-kong"
    with pytest.raises(UnknownPrefixError):
        vault.resolve(known_to_none)


class LoginFailedError(Exception):
    pass


def login(expected):
    def callback(config):
        if config["redis"]["password"].reveal() != expected():
            raise LoginFailedError
        return "logged in"

    return callback


def test_try_picks_up_a_rotated_password_at_the_first_failure(vault, backend):
    plan = vault.plan(CONFIG)
    vault.update(plan)
    backend.answers["db"] = '{"username": "app", "password": "pw-2"}'

    assert vault.try_(login(lambda: "pw-2"), plan) == "logged in"
    assert backend.calls == ["db", "token", "db", "token"]


def test_try_calls_twice_at_most_and_raises_what_the_second_call_raised(vault, backend):
    calls = []

    def callback(config):
        calls.append(config)
        raise LoginFailedError(f"number {len(calls)}")

    with pytest.raises(LoginFailedError, match="number 2"):
        vault.try_(callback, vault.plan(CONFIG))


def test_try_leaves_the_vault_alone_for_other_failures(vault, backend):
    plan = vault.plan(CONFIG)
    vault.update(plan)

    with pytest.raises(ZeroDivisionError):
        vault.try_(lambda _: 1 / 0, plan, retry_on=LoginFailedError)

    assert backend.calls == ["db", "token"]


def test_wrong_credentials_in_the_vault_cost_one_refresh_a_second_not_one_a_request(vault, backend, clock):
    plan = vault.plan({"redis": CONFIG["redis"]})
    vault.update(plan)

    for _ in range(100):
        with pytest.raises(LoginFailedError):
            vault.try_(login(lambda: "never"), plan)
        clock.advance(0.1)

    assert 10 <= len(backend.calls) <= 12


def test_try_with_the_vault_down_goes_on_with_the_old_value(vault, backend):
    plan = vault.plan({"redis": CONFIG["redis"]})
    vault.update(plan)
    backend.answers["db"] = UnavailableError("sealed")

    with pytest.raises(LoginFailedError):
        vault.try_(login(lambda: "pw-2"), plan)

    assert vault.update(plan)["redis"]["password"].reveal() == "pw-1"


def test_many_callers_that_fail_together_share_one_refresh(backend):
    vault = make_vault(backend)
    plan = vault.plan({"redis": CONFIG["redis"]})
    vault.update(plan)
    backend.answers["db"] = '{"username": "app", "password": "pw-2"}'
    everyone = threading.Barrier(8)

    def callback(config):
        if config["redis"]["password"].reveal() != "pw-2":
            everyone.wait(10)
            raise LoginFailedError
        return "logged in"

    results: list[str] = []
    threads = [threading.Thread(target=lambda: results.append(vault.try_(callback, plan))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(10)

    assert results == ["logged in"] * 8
    assert backend.calls == ["db", "db"]


def test_warmup_fetches_each_resource_once_and_reports_what_failed(backend):
    vault = make_vault(backend)

    failures = vault.warmup([*vault.plan(CONFIG).references, "{vault://test/absent}"])

    assert sorted(backend.calls) == ["absent", "db", "token"]
    assert list(failures) == ["{vault://test/absent}"]
    assert vault.warmup(vault.plan(CONFIG)) == {}


def test_try_asks_no_vault_where_a_refresh_came_in_while_the_callback_ran(vault, backend, clock):
    plan = vault.plan({"redis": CONFIG["redis"]})
    vault.update(plan)
    backend.answers["db"] = '{"username": "app", "password": "pw-2"}'

    def callback(config):
        if config["redis"]["password"].reveal() == "pw-1":
            clock.advance(11)
            vault.rotate()
            raise LoginFailedError
        return config["redis"]["password"].reveal()

    assert vault.try_(callback, plan) == "pw-2"
    assert backend.calls == ["db", "db"]
