"""Vaults with a batch call: a rotation of N secrets costs N / batch_size calls."""

from __future__ import annotations

import random

import pytest

from kong_vault_py import Settings, Vault
from kong_vault_py.errors import SecretNotFoundError, UnavailableError
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.base import Fetched
from tests.unit.backend import Backend, Clock


class BatchBackend(Backend):
    """A backend that takes 20 resources a call."""

    def __init__(self):
        super().__init__()
        self.batches = []
        self.batch_error = None

    def strategy(self):
        backend = self

        class BatchStrategy(super().strategy()):
            batch_size = 20

            def fetch_many(self, wanted, *, timeout_s):
                backend.batches.append([resource for resource, _ in wanted])
                if backend.batch_error:
                    raise backend.batch_error
                return {pair: backend.outcome(pair[0]) for pair in wanted}

        return BatchStrategy

    def outcome(self, resource):
        answer = self.answers.get(resource)
        if answer is None:
            return SecretNotFoundError(f"the test vault has no '{resource}'")
        return answer if isinstance(answer, Exception) else Fetched(answer)


@pytest.fixture
def backend():
    backend = BatchBackend()
    backend.answers.update({f"s{number}": "old" for number in range(45)})
    return backend


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def vault(backend, clock):
    strategy = backend.strategy()
    settings = Settings({"vault_test_ttl": "100"}, RuntimeSettings())
    dice = random.Random(7)
    return Vault(settings, clock=clock, strategies=lambda _: strategy, background=False, jitter=dice.random)


def references(count=45):
    return [f"{{vault://test/s{number}}}" for number in range(count)]


def test_a_rotation_of_45_secrets_costs_3_calls_although_refreshes_are_spread(backend, clock, vault):
    for reference in references():
        vault.get(reference)
    backend.answers.update({f"s{number}": f"new-{number}" for number in range(45)})

    for _ in range(100):
        clock.advance(1)
        vault.rotate()

    assert [vault.get(reference).reveal() for reference in references()] == [f"new-{n}" for n in range(45)]
    assert sorted(len(batch) for batch in backend.batches) == [5, 20, 20]


def test_one_bad_secret_of_a_batch_leaves_the_others_alone(backend, clock, vault):
    for reference in references(3):
        vault.get(reference)
    backend.answers.update(s0="new", s2=UnavailableError("throttled"))
    del backend.answers["s1"]

    clock.advance(100)
    vault.rotate()

    assert vault.get("{vault://test/s0}").reveal() == "new"
    assert vault.get("{vault://test/s2}").reveal() == "old"
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/s1}")


def test_a_batch_call_that_fails_is_retried_one_by_one_with_the_old_values_served(backend, clock, vault):
    for reference in references(3):
        vault.get(reference)
    backend.answers.update(s0="new", s1="new", s2="new")
    backend.batch_error = RuntimeError("a bug")

    clock.advance(100)
    vault.rotate()
    meanwhile = [vault.get(reference).reveal() for reference in references(3)]
    clock.advance(1)
    vault.rotate()

    assert meanwhile == ["old"] * 3
    assert [vault.get(reference).reveal() for reference in references(3)] == ["new"] * 3
    assert len(backend.batches) == 1


def test_other_vaults_secrets_do_not_come_along(backend, clock, vault):
    vault.get("{vault://test/s0}")
    vault.get("{vault://test/s1?prefix=other}")

    clock.advance(100)
    vault.rotate()

    assert backend.batches == []


def test_no_batch_call_is_made_for_what_others_fetch_already(backend, clock, vault):
    for reference in references(2):
        vault.get(reference)
    clock.advance(100)

    with vault._keeper._flights.lead(list(vault._keeper._resources)):
        vault.rotate()

    assert backend.batches == []
