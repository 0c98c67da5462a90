"""Rotation in real threads: refreshing by itself, without anyone asking, and surviving a fork."""

import os
import threading
import time

from kong_vault_py.rotation import Rotation
from tests.unit.backend import Backend, Clock, make_vault


def wait_until(condition, timeout_s=10.0):
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "nothing happened in time"
        time.sleep(0.005)


def test_a_value_is_refreshed_in_the_background():
    backend = Backend()
    backend.answers["redis"] = "old"
    vault = make_vault(backend, background=True, vault_test_ttl="0.2")
    vault.get("{vault://test/redis}")
    backend.answers["redis"] = "new"

    wait_until(lambda: vault.get("{vault://test/redis}").reveal() == "new")

    vault.close()


def test_a_vault_that_hangs_does_not_stop_the_others_rotation():
    backend = Backend()
    gate = threading.Event()
    backend.answers.update(slow="s", quick="q")
    vault = make_vault(backend, background=True, vault_test_ttl="0.2")
    vault.get("{vault://test/slow}")
    backend.answers["slow"] = lambda: gate.wait(20) and "s"
    vault.get("{vault://test/quick}")
    backend.answers["quick"] = "q2"

    wait_until(lambda: vault.get("{vault://test/quick}").reveal() == "q2")

    gate.set()
    vault.close()


def test_what_is_due_is_refreshed_once_and_in_order():
    clock, refreshed = Clock(), []
    rotation = Rotation(refreshed.append, clock=clock, workers=1)
    for key, at in (("late", 20.0), ("soon", 5.0), ("moved", 1.0), ("moved", 10.0), ("cancelled", 2.0)):
        rotation.schedule(key, at, start=False)
    rotation.cancel("cancelled")

    clock.advance(10)
    ran = rotation.run_due()

    assert (ran, refreshed) == (2, ["soon", "moved"])


def test_an_unexpected_error_does_not_end_the_worker(caplog):
    done = threading.Event()

    def refresh(key):
        if key == "bad":
            raise RuntimeError("a bug")
        done.set()

    rotation = Rotation(refresh, clock=time.monotonic, workers=1)
    rotation.schedule("bad", 0.0)
    rotation.schedule("good", 0.0)

    assert done.wait(10)
    rotation.close()
    assert "a bug" in caplog.text


def test_rescheduling_for_ever_does_not_grow_memory():
    rotation = Rotation(lambda _: None, clock=Clock(), workers=1)

    for number in range(10_000):
        rotation.schedule("key", float(number), start=False)

    assert len(rotation._heap) < 200


def test_nothing_runs_after_close():
    refreshed = []
    rotation = Rotation(refreshed.append, clock=time.monotonic, workers=2)
    rotation.close()
    rotation.close()
    rotation.schedule("key", 0.0)

    assert rotation._threads == []
    assert refreshed == []


def test_a_forked_child_refreshes_too(tmp_path):
    backend = Backend()
    backend.answers["redis"] = "v1"
    vault = make_vault(backend, background=True, vault_test_ttl="0.2")
    vault.get("{vault://test/redis}")
    seen = tmp_path / "seen"

    pid = os.fork()
    if pid == 0:
        backend.answers["redis"] = "v2"
        deadline = time.monotonic() + 10
        while vault.get("{vault://test/redis}").reveal() != "v2" and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.write_text(vault.get("{vault://test/redis}").reveal())
        os._exit(0)
    os.waitpid(pid, 0)
    vault.close()

    assert seen.read_text() == "v2"
