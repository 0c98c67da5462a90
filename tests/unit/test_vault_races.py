"""Threads that meet at the wrong moment, each made to meet there."""

import subprocess
import sys
import threading
import time

import pytest
from cachetools import LRUCache

from kong_vault_py.errors import SecretNotFoundError
from tests.unit.backend import Backend, Clock, make_vault


@pytest.fixture
def backend():
    return Backend()


class RefusedError(Exception):
    pass


def test_a_caller_that_fails_during_a_refresh_waits_for_its_result(backend):
    backend.answers["redis"] = "pw-1"
    vault = make_vault(backend)
    plan = vault.plan({"password": "{vault://test/redis}"})
    vault.update(plan)
    fetching, go_on = threading.Event(), threading.Event()

    def slow():
        fetching.set()
        assert go_on.wait(10)
        return "pw-2"

    backend.answers["redis"] = slow
    both_began = threading.Barrier(2)
    results: list[object] = []

    def caller(late):
        calls = []

        def login(config):
            calls.append(config)
            if config["password"].reveal() == "pw-2":
                return "in"
            if len(calls) == 1:
                both_began.wait(10)
                assert not late or fetching.wait(10)
            raise RefusedError

        try:
            results.append(vault.try_(login, plan))
        except RefusedError:
            results.append("refused")

    threads = [threading.Thread(target=caller, args=(late,)) for late in (False, True)]
    for thread in threads:
        thread.start()
    assert fetching.wait(10)
    deadline = time.monotonic() + 0.5
    while not results and time.monotonic() < deadline:
        threads[1].join(0.01)
    go_on.set()
    for thread in threads:
        thread.join(10)

    assert results == ["in", "in"]


def test_a_miss_that_is_forgotten_while_it_is_looked_up_is_no_key_error(backend):
    clock = Clock()
    vault = make_vault(backend, clock)
    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/absent}")

    class FlushedInBetween(LRUCache):
        armed = True

        def __contains__(self, key):
            found = super().__contains__(key)
            if found and self.armed:
                self.armed = False
                other = threading.Thread(target=vault.flush)
                other.start()
                other.join(0.5)  # it may have to wait for us, where look-ups hold the lock
            return found

    between = FlushedInBetween(maxsize=10)
    between.update(vault._cache.misses.items())
    vault._cache.misses = between

    with pytest.raises(SecretNotFoundError):
        vault.get("{vault://test/absent}")


def test_a_client_is_not_closed_in_the_middle_of_its_first_fetch(backend, tmp_path):
    entities = tmp_path / "kong.yml"
    two = "- {name: test, prefix: two, config: {prefix: t}}\n"
    entities.write_text(f"vaults:\n- {{name: test, prefix: one, config: {{prefix: a}}}}\n{two}")
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, Clock(), vault_py_entities=str(entities))
    vault.get("{vault://one/redis}")
    closed: list[int] = []
    others: list[threading.Thread] = []

    def while_another_vault_moves():
        entities.write_text(f"vaults:\n- {{name: test, prefix: one, config: {{prefix: moved}}}}\n{two}")
        vault.reload()
        others.append(threading.Thread(target=vault.rotate))
        others[0].start()
        deadline = time.monotonic() + 10
        while backend.calls.count("redis") < 2 and time.monotonic() < deadline:
            others[0].join(0.01)
        others[0].join(0.2)  # it may wait for this fetch before it goes on
        closed.append(backend.closed)
        return "first"

    backend.answers["first"] = while_another_vault_moves
    vault.get("{vault://two/first}")
    backend.answers["first"] = "first"
    others[0].join(10)

    # The old client of "one" had to go; the one at work had not.
    assert closed == [1]


FORKED = """
import os, sys, time
from tests.unit.backend import Backend, make_vault
backend = Backend()
backend.answers["redis"] = "v1"
vault = make_vault(backend, background=True, vault_test_ttl="0.2")
vault.get("{vault://test/redis}")
child = os.fork()
if child:
    os._exit(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
backend.answers["redis"] = "v2"
deadline = time.monotonic() + 10
while time.monotonic() < deadline:
    if vault.get("{vault://test/redis}").reveal() == "v2":
        os._exit(0)
    time.sleep(0.02)
os._exit(1)
"""


def test_a_forked_child_goes_on_refreshing_although_it_only_hits_its_cache():
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], timeout=60, check=False)

    assert done.returncode == 0
