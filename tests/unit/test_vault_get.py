"""Vault.get: what is served, what is fetched, and what is remembered."""

import threading

import pytest

from kong_vault_py.errors import (
    ConfigError,
    InvalidReferenceError,
    InvalidResponseError,
    KeyNotFoundError,
    SecretNotFoundError,
    StrategyError,
    UnavailableError,
    UnknownPrefixError,
)
from kong_vault_py.strategies.base import Fetched
from tests.unit.backend import Backend, Clock, make_vault


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def clock():
    return Clock()


def test_a_value_is_fetched_once_and_then_served_from_the_cache(backend, clock):
    backend.answers["redis"] = "hunter2"
    vault = make_vault(backend, clock)

    values = [vault.get("{vault://test/redis}") for _ in range(3)]

    assert [value.reveal() for value in values] == ["hunter2"] * 3
    assert backend.calls == ["redis"]


def test_the_username_and_the_password_of_one_secret_cost_one_fetch(backend, clock):
    backend.answers["db"] = '{"username": "app", "password": "s3cret"}'
    vault = make_vault(backend, clock)

    assert vault.get("{vault://test/db/username}").reveal() == "app"
    assert vault.get("{vault://test/db/password}").reveal() == "s3cret"

    assert backend.calls == ["db"]


def test_a_stale_value_is_served_until_its_refresh_and_never_stalls_a_request(backend, clock):
    backend.answers["redis"] = "old"
    vault = make_vault(backend, clock, vault_test_ttl="10")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = "new"

    clock.advance(11)
    before_refresh = vault.get("{vault://test/redis}").reveal()
    refreshed = vault.rotate()

    assert (before_refresh, refreshed) == ("old", 1)
    assert vault.get("{vault://test/redis}").reveal() == "new"
    assert backend.calls == ["redis", "redis"]


def test_an_unchanged_value_stays_the_same_object_over_a_refresh(backend, clock):
    backend.answers["redis"] = "same"
    vault = make_vault(backend, clock, vault_test_ttl="10")
    first = vault.get("{vault://test/redis}")

    clock.advance(11)
    vault.rotate()

    assert vault.get("{vault://test/redis}") is first


@pytest.mark.parametrize("ttl", [None, "0"])
def test_without_a_ttl_nothing_is_ever_refreshed(backend, clock, ttl):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, **({"vault_test_ttl": ttl} if ttl else {}))
    vault.get("{vault://test/redis}")

    clock.advance(10_000_000)

    assert vault.rotate() == 0
    assert vault.get("{vault://test/redis}").reveal() == "v1"


def test_the_ttl_that_the_vault_gives_beats_the_configured_one(backend, clock):
    backend.answers["redis"] = Fetched("v1", ttl_s=5)
    vault = make_vault(backend, clock, vault_test_ttl="1000")
    vault.get("{vault://test/redis}")

    clock.advance(5)

    assert vault.rotate() == 1


def test_a_missing_secret_is_remembered_for_neg_ttl(backend, clock):
    vault = make_vault(backend, clock, vault_test_neg_ttl="30")
    for _ in range(3):
        with pytest.raises(SecretNotFoundError, match=r"\{vault://test/absent\}"):
            vault.get("{vault://test/absent}")
    backend.answers["absent"] = "here now"

    clock.advance(30)

    assert vault.get("{vault://test/absent}").reveal() == "here now"
    assert backend.calls == ["absent", "absent"]


def test_a_key_that_was_added_later_is_found_although_the_secret_is_cached(backend, clock):
    backend.answers["db"] = '{"username": "app"}'
    vault = make_vault(backend, clock)
    vault.get("{vault://test/db/username}")
    backend.answers["db"] = '{"username": "app", "password": "s3cret"}'

    assert vault.get("{vault://test/db/password}").reveal() == "s3cret"


def test_a_missing_key_names_the_reference_and_leaves_the_other_key_alone(backend, clock):
    backend.answers["db"] = '{"username": "app"}'
    vault = make_vault(backend, clock)

    with pytest.raises(KeyNotFoundError, match=r"\{vault://test/db/nope\}.*nope"):
        vault.get("{vault://test/db/nope}")

    assert vault.get("{vault://test/db/username}").reveal() == "app"


def test_an_unavailable_vault_is_left_alone_for_a_growing_pause(backend, clock):
    backend.answers["redis"] = UnavailableError("sealed")
    vault = make_vault(backend, clock)
    asked_at = []

    for _ in range(400):
        before = len(backend.calls)
        with pytest.raises(UnavailableError):
            vault.get("{vault://test/redis}")
        if len(backend.calls) > before:
            asked_at.append(clock.now)
        clock.advance(0.25)

    assert asked_at[:5] == [0, 1, 3, 7, 15]
    assert asked_at[5:] == [31, 61, 91]


def test_an_unavailable_vaults_old_value_is_served_for_resurrect_ttl_and_then_fails_closed(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="20")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = UnavailableError("sealed")

    for _ in range(29):
        clock.advance(1)
        vault.rotate()
        assert vault.get("{vault://test/redis}").reveal() == "v1"
    clock.advance(1)

    with pytest.raises(UnavailableError, match="sealed"):
        vault.get("{vault://test/redis}")


def test_a_vault_that_comes_back_is_noticed_by_the_next_try(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_ttl="10")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = UnavailableError("sealed")
    clock.advance(10)
    vault.rotate()
    backend.answers["redis"] = "v2"

    clock.advance(1)
    vault.rotate()

    assert vault.get("{vault://test/redis}").reveal() == "v2"


def test_a_deleted_secret_is_gone_at_its_refresh(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="1000")
    vault.get("{vault://test/redis}")
    del backend.answers["redis"]

    clock.advance(10)
    vault.rotate()

    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/redis}")


def test_failures_are_logged_once_per_change_of_state(backend, clock, caplog):
    caplog.set_level("INFO")
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_ttl="10")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = UnavailableError("sealed")
    for _ in range(100):
        clock.advance(1)
        vault.rotate()
    backend.answers["redis"] = "v2"
    for _ in range(100):
        clock.advance(1)
        vault.rotate()

    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]


def test_a_failure_of_a_secret_never_fetched_is_logged_once_too(backend, clock, caplog):
    backend.answers["redis"] = UnavailableError("sealed")
    vault = make_vault(backend, clock)
    for _ in range(100):
        with pytest.raises(UnavailableError):
            vault.get("{vault://test/redis}")
        clock.advance(1)

    assert len(caplog.records) == 1


@pytest.mark.parametrize(
    ("reference", "error"),
    [
        ("redis", InvalidReferenceError),
        ("{vault://test}", InvalidReferenceError),
        ("{vault://nowhere/redis}", UnknownPrefixError),
        ("{vault://test/redis?host=evil.example}", ConfigError),
        ("{vault://test/redis?ttl=soon}", ConfigError),
    ],
)
def test_a_wrong_reference_is_told_each_time_and_never_reaches_a_vault(backend, clock, reference, error):
    vault = make_vault(backend, clock)

    for _ in range(2):
        with pytest.raises(error):
            vault.get(reference)

    assert backend.calls == []


def test_a_config_author_cannot_send_our_token_to_a_host_of_theirs(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_token="our-token")

    with pytest.raises(ConfigError, match="vault_py_allowed_overrides = test.host"):
        vault.get("{vault://test/redis?host=evil.example}")

    assert backend.configs == []


def test_an_operator_can_allow_an_override(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_py_allowed_overrides="test.host, test.port")

    vault.get("{vault://test/redis?host=other.example}")

    assert backend.configs[0].host == "other.example"


def test_an_override_of_a_credential_does_not_show_in_the_error(backend, clock):
    vault = make_vault(backend, clock, vault_py_allowed_overrides="test.token")

    with pytest.raises(SecretNotFoundError) as raised:
        vault.get("{vault://test/absent?token=canary-token}")

    assert "canary-token" not in str(raised.value)


def test_safe_overrides_reach_the_strategy_and_are_entries_of_their_own(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_test_prefix="A_")

    vault.get("{vault://test/redis?prefix=B_}")
    vault.get("{vault://test/redis}")

    assert [config.prefix for config in backend.configs] == ["B_", "A_"]


def test_base64_is_decoded_and_what_is_none_is_an_error(backend, clock):
    backend.answers.update(good="aHVudGVyMg==", bad="no base64!")
    vault = make_vault(backend, clock, vault_test_decode_base64="true")

    assert vault.get("{vault://test/good}").reveal() == "hunter2"
    with pytest.raises(InvalidResponseError, match="base64"):
        vault.get("{vault://test/bad}")


def test_versions_are_fetched_apart(backend, clock):
    backend.answers.update({"redis#1": "one", "redis#2": "two"})
    vault = make_vault(backend, clock)

    assert vault.get("{vault://test/redis#1}").reveal() == "one"
    assert vault.get("{vault://test/redis#2}").reveal() == "two"


def test_a_bug_in_a_strategy_is_a_strategy_error_without_its_text(backend, clock):
    backend.answers["redis"] = RuntimeError("canary-value inside")
    vault = make_vault(backend, clock)

    with pytest.raises(StrategyError, match="RuntimeError") as raised:
        vault.get("{vault://test/redis}")

    assert "canary-value" not in str(raised.value)


def test_concurrent_misses_of_one_resource_make_one_fetch(backend):
    gate, inside = threading.Event(), threading.Event()

    def slow() -> str:
        inside.set()
        assert gate.wait(10)
        return '{"username": "app", "password": "s3cret"}'

    backend.answers["db"] = slow
    vault = make_vault(backend)
    got: list[str] = []
    references = ["{vault://test/db/username}", "{vault://test/db/password}"] * 4
    threads = [threading.Thread(target=lambda r=r: got.append(vault.get(r).reveal())) for r in references]
    for thread in threads:
        thread.start()
    assert inside.wait(10)
    gate.set()
    for thread in threads:
        thread.join(10)

    assert sorted(got) == ["app"] * 4 + ["s3cret"] * 4
    assert backend.calls == ["db"]


def test_a_stream_of_made_up_references_does_not_grow_memory(backend, clock):
    vault = make_vault(backend, clock, vault_py_cache_max_entries=50)
    backend.answers["db"] = '{"a": "b"}'
    for number in range(500):
        for reference in (f"{{vault://test/absent-{number}}}", f"{{vault://test/db/key-{number}}}"):
            with pytest.raises(SecretNotFoundError):
                vault.get(reference)

    assert len(vault._cache.misses) <= 50
    assert len(vault._keeper._resources) <= 1


def test_a_full_cache_makes_room_and_still_answers(backend, clock):
    vault = make_vault(backend, clock, vault_py_cache_max_entries=10, vault_test_ttl="10")
    for number in range(30):
        backend.answers[f"r{number}"] = f"value-{number}"

    values = [vault.get(f"{{vault://test/r{number}}}").reveal() for number in range(30)]

    assert values == [f"value-{number}" for number in range(30)]
    assert len(vault._cache.entries) == len(vault._keeper._resources) == 10


def test_flush_forgets_values_and_misses(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock)
    vault.get("{vault://test/redis}")
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/late}")
    backend.answers.update(redis="v2", late="here")

    vault.flush()

    assert vault.get("{vault://test/redis}").reveal() == "v2"
    assert vault.get("{vault://test/late}").reveal() == "here"


def test_closing_closes_the_clients_and_can_be_done_twice(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock)
    vault.get("{vault://test/redis}")

    vault.close()
    vault.close()

    assert backend.closed == 1


def test_a_plaintext_where_a_reference_should_be_is_not_repeated_in_the_error(backend, clock):
    with pytest.raises(InvalidReferenceError) as raised:
        make_vault(backend, clock).get("canary-plaintext")

    assert "canary" not in str(raised.value)


def test_references_that_clients_make_up_leave_no_line_in_the_log_each(backend, clock, caplog):
    # A plugin may make a reference of a client's input: the caller is told, and the log is not the client's to fill.
    caplog.set_level("INFO")
    vault = make_vault(backend, clock)

    for number in range(3):
        with pytest.raises(SecretNotFoundError):
            vault.get(f"{{vault://test/made-up-{number}}}")

    assert caplog.text == ""
