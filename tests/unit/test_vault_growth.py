"""What a stream of references may not do: fill the memory, or keep clients open for ever."""

import gc
import weakref

import pytest

from kong_vault_py.errors import SecretNotFoundError
from tests.unit.backend import Backend, Clock, make_vault


@pytest.fixture
def backend():
    return Backend()


@pytest.fixture
def clock():
    return Clock()


def test_a_stream_of_overrides_does_not_pile_up_clients(backend, clock):
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, clock, vault_py_cache_max_entries=10)

    for number in range(200):
        vault.get(f"{{vault://test/redis?prefix=p{number}}}")

    assert len(vault._keeper._fetcher._instances) <= 20
    assert backend.closed >= 180


def test_a_stream_of_overrides_of_missing_secrets_does_not_pile_up_clients(backend, clock):
    vault = make_vault(backend, clock, vault_py_cache_max_entries=10)

    for number in range(200):
        with pytest.raises(SecretNotFoundError):
            vault.get(f"{{vault://test/absent?prefix=p{number}}}")

    assert len(vault._keeper._fetcher._instances) <= 20


def test_a_version_that_is_no_number_is_one_resource_however_often_it_is_refreshed(backend, clock):
    # nan is a version to Kong, and nan differs from itself.
    backend.answers["redis#nan"] = "v1"
    vault = make_vault(backend, clock)
    plan = vault.plan({"password": "{vault://test/redis#nan}"})

    def fails(_config):
        raise ConnectionRefusedError

    for _ in range(20):
        with pytest.raises(ConnectionRefusedError):
            vault.try_(fails, plan)
        clock.advance(2)

    assert len(vault._keeper._resources) == 1


def test_a_remembered_miss_does_not_hold_what_the_strategy_held(backend, clock):
    class Response:
        """A large body, or a token, in a local variable of the strategy."""

    seen = []

    def absent():
        response = Response()
        seen.append(weakref.ref(response))
        raise SecretNotFoundError("nothing there")

    backend.answers["absent"] = absent
    vault = make_vault(backend, clock, vault_test_neg_ttl="1000")
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/absent}")
    gc.collect()

    assert [reference() for reference in seen] == [None]
