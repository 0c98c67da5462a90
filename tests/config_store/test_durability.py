"""What is acknowledged stays: several writers at once, a kill at any moment, a failing disk."""

from __future__ import annotations

import errno
import os
import random
import subprocess
import sys
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from kong_vault_py.config_store import durable, store_file
from kong_vault_py.config_store.durable import locked
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.config_store.store_file import StoreFile
from kong_vault_py.errors import UnavailableError
from tests.config_store.keys import envelope

KEY = envelope()


class Killed(BaseException):
    """The process ends here; no handler of ours may clean up after it as if it lived."""


def test_writers_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "secrets.store"

    def write(writer: int) -> None:
        for number in range(5):
            StoreFile(path).put(f"writer-{writer}", f"value {number}", KEY)

    with ThreadPoolExecutor(max_workers=8) as pool:
        list(pool.map(write, range(8)))

    store = StoreFile(path)
    assert {key: secret.current.number for key, secret in store.secrets.items()} == {f"writer-{n}": 5 for n in range(8)}


def test_processes_killed_at_any_moment_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    path, text = tmp_path / "secrets.store", new_key_text()
    program = textwrap.dedent("""
        import sys
        from kong_vault_py.config_store import Envelope, MasterKeys
        from kong_vault_py.config_store.store_file import StoreFile
        store, key = StoreFile(sys.argv[1]), Envelope(MasterKeys.parse(sys.argv[2], "argv"))
        while True:
            number = store.put("redis", sys.argv[3] * 1000, key)
            print(number, flush=True)
    """)
    rounds, moments = 5, random.Random(4711)

    for letter in "abcdefgh"[:rounds]:
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path), text, letter], stdout=subprocess.PIPE, text=True
        ) as writer:
            assert writer.stdout is not None
            acknowledged = int(writer.stdout.readline())
            for _ in range(moments.randrange(1, 20)):
                acknowledged = int(writer.stdout.readline())
            writer.kill()
            rest = writer.stdout.read().split("\n")
        # What came before the last line end was acknowledged too.
        acknowledged = int(rest[-2]) if len(rest) > 1 else acknowledged

        store = StoreFile(path)
        newest = store.secrets["redis"].current.number
        assert newest - acknowledged in (0, 1), "at most the write that was under way is there besides"
        assert store.get("redis", acknowledged, envelope(text)) == letter * 1000
    assert StoreFile(path).put("redis", "after", envelope(text)) == newest + 1
    assert sorted(found.name for found in tmp_path.iterdir()) == ["secrets.store", "secrets.store.lock"]


@pytest.mark.parametrize("step", ["open", "fchmod", "fsync", "replace", "fsync-of-directory"])
def test_a_kill_at_each_step_leaves_the_old_content_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "secrets.store"
    StoreFile(path).put("redis", "old", KEY)
    _break_at(step, Killed(), monkeypatch)

    with pytest.raises(Killed):
        StoreFile(path).put("redis", "new", KEY)
    monkeypatch.undo()

    renamed = step == "fsync-of-directory"
    assert StoreFile(path).get("redis", None, KEY) == ("new" if renamed else "old")
    StoreFile(path).put("redis", "next", KEY)
    assert StoreFile(path).get("redis", None, KEY) == "next"
    assert sorted(found.name for found in tmp_path.iterdir()) == ["secrets.store", "secrets.store.lock"]


@pytest.mark.parametrize("step", ["open", "fsync", "replace"])
def test_a_disk_that_is_full_is_said_to_be_and_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    path = tmp_path / "secrets.store"
    StoreFile(path).put("redis", "old", KEY)
    _break_at(step, OSError(errno.ENOSPC, os.strerror(errno.ENOSPC)), monkeypatch)

    with pytest.raises(UnavailableError, match="can't write it: No space left on device"):
        StoreFile(path).put("redis", "new", KEY)
    monkeypatch.undo()

    assert StoreFile(path).get("redis", None, KEY) == "old"
    assert not path.with_name("secrets.store.new").exists()


def test_a_writer_that_hangs_makes_others_give_up_not_wait_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "secrets.store"
    StoreFile(path).put("redis", "old", KEY)
    monkeypatch.setattr(store_file, "_LOCK_WAIT_S", 0.05)

    with locked(path, wait_s=1), pytest.raises(UnavailableError, match="another process has been writing it"):
        StoreFile(path).put("redis", "new", KEY)

    assert StoreFile(path).get("redis", None, KEY) == "old"


def test_the_data_is_on_the_disk_before_its_name_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "secrets.store"
    steps: list[str] = []
    really_fsync, really_replace = os.fsync, Path.replace

    def fsync(descriptor: int) -> None:
        steps.append(f"fsync {Path(f'/proc/self/fd/{descriptor}').readlink().name}")
        really_fsync(descriptor)

    def replace(source: Path, target: Path) -> Path:
        steps.append(f"rename to {target.name}")
        return really_replace(source, target)

    monkeypatch.setattr(durable.os, "fsync", fsync)
    monkeypatch.setattr(Path, "replace", replace)
    StoreFile(path).put("redis", "pw", KEY)

    assert steps == ["fsync secrets.store.new", "rename to secrets.store", f"fsync {tmp_path.name}"]


def _break_at(step: str, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raise an error in place of (or, for the directory, at) one step of writing a file."""
    really = {"open": os.open, "fsync": os.fsync}
    synced: list[int] = []

    def broken(*_: object, **__: object) -> int:
        raise error

    def open_(path: object, *arguments: object, **options: object) -> int:
        if str(path).endswith(".new"):
            raise error
        return really["open"](path, *arguments, **options)  # type: ignore[operator,no-any-return]

    def fsync_of_directory(descriptor: int) -> None:
        synced.append(descriptor)
        if len(synced) == 2:
            raise error
        really["fsync"](descriptor)  # type: ignore[operator]

    if step == "replace":
        monkeypatch.setattr(Path, "replace", broken)
        return
    replaced = {"open": open_, "fchmod": broken, "fsync": broken, "fsync-of-directory": fsync_of_directory}[step]
    monkeypatch.setattr(durable.os, step.partition("-")[0], replaced)
