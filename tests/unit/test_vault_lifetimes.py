"""When values end and when they are refreshed, at the edges that recorded scenarios and review brought up."""

import pytest

from kong_vault_py.errors import InvalidResponseError, UnavailableError, VaultError
from kong_vault_py.strategies.base import Fetched
from tests.unit.backend import Backend, Clock, make_vault


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def clock():
    return Clock()


def test_a_further_key_is_not_served_from_an_answer_whose_time_is_over(backend, clock):
    backend.answers["db"] = '{"username": "app", "password": "pw-1"}'
    vault = make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="5")
    vault.get("{vault://test/db/username}")
    backend.answers["db"] = UnavailableError("sealed")

    clock.advance(15)

    with pytest.raises(UnavailableError, match="sealed"):
        vault.get("{vault://test/db/password}")


def test_a_key_taken_during_a_refresh_lives_no_longer_than_the_answer_it_came_from(backend, clock):
    backend.answers["db"] = '{"username": "app", "password": "pw-1"}'
    vault = make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="20")
    vault.get("{vault://test/db/username}")

    def sealed_while_the_password_is_asked_for():
        assert vault.get("{vault://test/db/password}").reveal() == "pw-1"
        return UnavailableError("sealed")

    backend.answers["db"] = sealed_while_the_password_is_asked_for
    clock.advance(10)
    vault.rotate()
    backend.answers["db"] = UnavailableError("sealed")
    clock.advance(20)

    for key in ("username", "password"):
        with pytest.raises(UnavailableError):
            vault.get(f"{{vault://test/db/{key}}}")


def test_an_answer_that_makes_no_sense_leaves_the_old_value_for_resurrect_ttl(backend, clock):
    # errors.py: a StrategyError, InvalidResponseError among them, means that the old value lives on.
    backend.answers["db"] = '{"password": "pw-1"}'
    vault = make_vault(backend, clock, vault_test_ttl="10", vault_test_resurrect_ttl="20")
    vault.get("{vault://test/db/password}")
    backend.answers["db"] = "<html>502 Bad Gateway</html>"

    clock.advance(10)
    vault.rotate()
    during = vault.get("{vault://test/db/password}").reveal()
    clock.advance(20)

    assert during == "pw-1"
    with pytest.raises(InvalidResponseError):
        vault.get("{vault://test/db/password}")


def test_answers_that_make_no_sense_are_logged_once(backend, clock, caplog):
    backend.answers["db"] = '{"password": "pw-1"}'
    vault = make_vault(backend, clock, vault_test_ttl="10")
    vault.get("{vault://test/db/password}")
    backend.answers["db"] = "<html>502 Bad Gateway</html>"

    for _ in range(5):
        clock.advance(10)
        vault.rotate()

    assert len(caplog.records) == 1
    assert "{vault://test/db/password}" in caplog.text


def test_a_value_that_turned_out_to_last_for_ever_is_not_fetched_again(backend, clock):
    backend.answers["redis"] = Fetched("v1", ttl_s=10)
    vault = make_vault(backend, clock, vault_test_resurrect_ttl="5")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = Fetched("v2", ttl_s=-1)
    clock.advance(20)
    vault.get("{vault://test/redis}")

    assert vault.rotate() == 0
    assert backend.calls == ["redis", "redis"]


@pytest.mark.parametrize("nan_from", ["reference", "vault"])
def test_a_ttl_that_is_no_number_does_not_stop_the_rotation_of_others(backend, clock, nan_from):
    backend.answers.update(odd=Fetched("o", ttl_s=float("nan") if nan_from == "vault" else None), redis="v1")
    vault = make_vault(backend, clock, vault_test_ttl="10")
    try:
        vault.get("{vault://test/odd?ttl=nan}" if nan_from == "reference" else "{vault://test/odd}")
    except VaultError:
        assert nan_from == "reference"
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = "v2"

    clock.advance(10)
    vault.rotate()

    assert vault.get("{vault://test/redis}").reveal() == "v2"


def test_a_missing_secret_of_the_vaults_own_config_does_not_delete_what_the_vault_holds(backend, clock, tmp_path):
    # The opener has no token any more: the main vault can't be asked. That is no absence of its secrets.
    entities = tmp_path / "kong.yml"
    entities.write_text(
        "vaults:\n"
        "- {name: test, prefix: opener, config: {ttl: 5, neg_ttl: 0}}\n"
        "- {name: test, prefix: main, config: {ttl: 10, resurrect_ttl: 100, token: '{vault://opener/token}'}}\n"
    )
    backend.answers.update(token="t0ken", redis="v1")
    vault = make_vault(backend, clock, vault_py_entities=str(entities))
    vault.get("{vault://main/redis}")
    del backend.answers["token"]

    clock.advance(10)
    vault.rotate()
    vault.rotate()

    assert vault.get("{vault://main/redis}").reveal() == "v1"


def test_a_strategy_that_cannot_be_built_is_a_strategy_error(backend, clock):
    vault = make_vault(backend, clock)

    def broken(_self, _config):
        raise RuntimeError("canary-value inside")

    vault._keeper._fetcher._load_strategy("test").__init__ = broken

    with pytest.raises(VaultError, match="RuntimeError"):
        vault.get("{vault://test/redis}")
