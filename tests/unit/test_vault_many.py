"""Many references at once: each resource takes one fetch and one thread, and each failure is told for its reference."""

import json
import threading

import pytest

from kong_vault_py.errors import KeyNotFoundError, SecretNotFoundError, UnavailableError
from tests.unit.backend import Backend, make_vault

TEN_KEYS = [f"{{vault://test/slow/k{n}}}" for n in range(10)]


@pytest.fixture
def backend():
    return Backend()


def test_ten_keys_of_a_slow_secret_leave_workers_for_the_other_secrets(backend):
    others_came = threading.Event()

    def slow():
        assert others_came.wait(10), "the other secret was not fetched meanwhile"
        return json.dumps({f"k{n}": "v" for n in range(10)})

    def quick():
        others_came.set()
        return "v"

    backend.answers = {"slow": slow, "quick": quick}

    with make_vault(backend) as vault:
        failures = vault.warmup([*TEN_KEYS, "{vault://test/quick}"])

    assert failures == {}
    assert sorted(backend.calls) == ["quick", "slow"]


def test_what_fails_is_told_by_reference_in_the_order_asked_for_and_no_vault_is_asked_twice(backend):
    backend.answers = {"down": UnavailableError("the test vault is down"), "there": '{"a": "1"}'}
    wanted = [f"{{vault://test/{name}}}" for name in ("down/a", "gone/a", "there/a", "there/nope", "down/b", "gone/b")]

    with make_vault(backend) as vault:
        done = vault.get_all([*wanted, *wanted])

    assert {name: secret.reveal() for name, secret in done.secrets.items()} == {"{vault://test/there/a}": "1"}
    assert [(name, type(error)) for name, error in done.failures.items()] == [
        ("{vault://test/down/a}", UnavailableError),
        ("{vault://test/gone/a}", SecretNotFoundError),
        ("{vault://test/there/nope}", KeyNotFoundError),
        ("{vault://test/down/b}", UnavailableError),
        ("{vault://test/gone/b}", SecretNotFoundError),
    ]
    assert all(str(error).startswith(name) for name, error in done.failures.items())
    assert [backend.calls.count(name) for name in ("down", "gone")] == [1, 1]


def test_progress_counts_references_up_to_all_of_them(backend):
    backend.answers = {"slow": json.dumps({f"k{n}": "v" for n in range(10)}), "b": "v"}
    heard = []

    with make_vault(backend) as vault:
        vault.get_all(
            [*TEN_KEYS, "{vault://test/b}", "{vault://test/absent}"], progress=lambda *told: heard.append(told)
        )

    assert len(heard) == 4
    assert (heard[0], heard[-1]) == ((0, 12), (12, 12))


def test_an_interrupt_ends_the_waiting_and_what_has_not_begun_never_does(backend):
    release = threading.Event()

    def waits():
        release.wait(10)
        return "v"

    backend.answers = {"first": "v"} | {f"s{n}": waits for n in range(40)}

    def interrupt(done, _total):
        if done:
            raise KeyboardInterrupt

    with make_vault(backend) as vault:
        with pytest.raises(KeyboardInterrupt):
            vault.get_all(["{vault://test/first}", *(f"{{vault://test/s{n}}}" for n in range(40))], progress=interrupt)
        release.set()

    assert len(backend.calls) < 30
