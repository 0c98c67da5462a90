"""A store in one file: what goes in comes out, in its version; what can't be stored, or opened, is said to be so."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from types import SimpleNamespace

import pytest

from kong_vault_py.config_store import BrokenSealError, WrongMasterKeyError, durable
from kong_vault_py.config_store import store_file as store_file_module
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.config_store.store_file import StoreFile
from kong_vault_py.errors import ConfigError, InvalidResponseError, SecretNotFoundError, UnavailableError
from tests.config_store.keys import envelope

KEY = envelope()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "secrets.store"


@pytest.fixture
def store(path: Path) -> StoreFile:
    return StoreFile(path)


def edit(path: Path, change: object) -> None:
    """Change the secrets' line of a store file by hand."""
    header, body = path.read_bytes().splitlines()
    secrets = json.loads(body)
    change(secrets)  # type: ignore[operator]
    path.write_bytes(header + b" \n" + json.dumps(secrets).encode() + b"\n")


def test_values_by_version(store: StoreFile) -> None:
    numbers = [store.put("redis", value, KEY) for value in ("one", "two", "three")]

    assert numbers == [1, 2, 3]
    assert store.get("redis", None, KEY) == "three"
    assert [store.get("redis", number, KEY) for number in numbers] == ["one", "two", "three"]


def test_the_file_shows_no_value_and_lets_no_one_else_in(store: StoreFile, path: Path) -> None:
    before = os.umask(0)
    try:
        store.put("redis", "canary-value", KEY)
    finally:
        os.umask(before)

    assert b"canary" not in path.read_bytes()
    assert {stat.S_IMODE(found.stat().st_mode) for found in path.parent.iterdir()} == {0o600}


def test_the_last_ten_versions_are_kept(store: StoreFile) -> None:
    for number in range(1, 13):
        store.put("redis", f"value {number}", KEY)

    assert [version.number for version in store.secrets["redis"].versions] == list(range(3, 13))
    assert store.get("redis", 3, KEY) == "value 3"
    with pytest.raises(SecretNotFoundError, match="no version 2 of 'redis'"):
        store.get("redis", 2, KEY)


def test_a_reader_notices_what_others_write(store: StoreFile, path: Path) -> None:
    writer = StoreFile(path)
    for number in range(20):
        writer.put("redis", f"value {number}", KEY)
        assert store.get("redis", None, KEY) == f"value {number}"
    writer.delete("redis")

    with pytest.raises(SecretNotFoundError, match="has no secret 'redis'"):
        store.get("redis", None, KEY)


def test_an_unchanged_file_is_not_parsed_again(store: StoreFile) -> None:
    store.put("redis", "pw", KEY)

    assert store.secrets is store.secrets


def test_when_a_version_was_made(path: Path) -> None:
    store = StoreFile(path, clock=lambda: 1_700_000_000.9)
    store.put("redis", "pw", KEY)

    assert store.secrets["redis"].current.created_at == 1_700_000_000


def test_an_old_version_can_be_deleted_and_the_current_one_not(store: StoreFile) -> None:
    store.put("redis", "one", KEY)
    store.put("redis", "two", KEY)

    with pytest.raises(ConfigError, match="version 2 of 'redis' is the current one"):
        store.delete("redis", 2)
    store.delete("redis", 1)

    with pytest.raises(SecretNotFoundError):
        store.delete("redis", 1)
    assert store.get("redis", None, KEY) == "two"
    assert store.put("redis", "three", KEY) == 3


def test_konnects_limits(store: StoreFile) -> None:
    store.put("k" * 512, "ü" * 5120, KEY)

    assert store.get("k" * 512, None, KEY) == "ü" * 5120
    with pytest.raises(ConfigError, match="1 to 512 characters, this one 513"):
        store.put("k" * 513, "x", KEY)
    with pytest.raises(ConfigError, match="5120 characters at most, this one 5121"):
        store.put("key", "x" * 5121, KEY)


@pytest.mark.parametrize("key", ["", "a\nb", "a\0b", "\ud800", "/a", "a//b", "a/../b", ".", "a/"])
def test_what_can_be_no_key(store: StoreFile, path: Path, key: str) -> None:
    with pytest.raises(ConfigError, match="key"):
        store.put(key, "x", KEY)

    assert not path.exists()


def test_a_value_that_is_no_text_is_refused_and_not_shown(store: StoreFile) -> None:
    with pytest.raises(ConfigError, match="base64") as caught:
        store.put("redis", "canary\udcff", KEY)

    assert "canary" not in repr(caught.value.__context__) or caught.value.__suppress_context__
    assert "canary" not in str(caught.value)


def test_another_master_key_reads_and_writes_nothing(store: StoreFile, path: Path) -> None:
    store.put("redis", "pw", KEY)
    before, other = path.read_bytes(), envelope()

    for attempt in (
        lambda: store.get("redis", None, other),
        lambda: store.put("redis", "new", other),
        lambda: store.put("another", "new", other),
        lambda: store.rewrap(other),
        lambda: store.check(other),
    ):
        with pytest.raises(WrongMasterKeyError, match="wrong master key"):
            attempt()
    assert path.read_bytes() == before


def test_a_rotation_of_the_master_key(path: Path) -> None:
    store = StoreFile(path)
    old, new = new_key_text(), new_key_text()
    store.put("redis", "one", envelope(old))
    store.put("redis", "two", envelope(new, old))
    store.put("other", "three", envelope(old))

    assert store.rewrap(envelope(new, old)) == 3

    after = envelope(new)
    store.check(after)
    assert [store.get("redis", number, after) for number in (1, 2)] == ["one", "two"]
    with pytest.raises(WrongMasterKeyError):
        store.get("other", None, envelope(old))


def test_values_cannot_be_swapped_between_names_versions_or_stores(
    store: StoreFile, path: Path, tmp_path: Path
) -> None:
    other = StoreFile(tmp_path / "other.store")
    for target in (store, other):
        target.put("mine", "low", KEY)
        target.put("mine", "lower", KEY)
        target.put("admin", "high", KEY)
    foreign = json.loads((tmp_path / "other.store").read_bytes().splitlines()[1])

    def swap(secrets: dict[str, list[list[object]]]) -> None:
        secrets["mine"][0][2], secrets["mine"][1][2] = secrets["mine"][1][2], secrets["admin"][0][2]
        secrets["admin"] = foreign["admin"]

    edit(path, swap)

    for key, version in [("mine", 1), ("mine", 2), ("admin", 1)]:
        with pytest.raises(BrokenSealError):
            store.get(key, version, KEY)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"not a store\n{}\n",
        b'{"format":"kong-vault-store-2"}\n{}\n',
        b'{"format":"kong-vault-store-1","store":"x","check":""}\n',
        b'{"format":"kong-vault-store-1","store":"x","check":""}\n{"redis":[]}\n',
        b'{"format":"kong-vault-store-1","store":"x","check":""}\n{"redis":[[1,2,"not base64!"]]}\n',
        b'{"format":"kong-vault-store-1","store":"x","check":""}\n' + b"[" * 100_000,
        b"\xff\xfe\n",
    ],
)
def test_what_is_no_store_file(store: StoreFile, path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(InvalidResponseError, match="is no store file"):
        store.get("redis", None, KEY)
    with pytest.raises(InvalidResponseError, match="is no store file"):
        store.put("redis", "x", KEY)
    assert path.read_bytes() == content


def test_a_file_that_is_not_there(store: StoreFile, path: Path) -> None:
    for attempt in (lambda: store.get("a", None, KEY), lambda: store.delete("a"), lambda: store.rewrap(KEY)):
        with pytest.raises(UnavailableError, match="there is no store file"):
            attempt()

    assert list(path.parent.iterdir()) == []
    with pytest.raises(UnavailableError, match="can't write it: No such file"):
        StoreFile(path / "below" / "nothing").put("a", "x", KEY)


def test_a_store_that_outgrows_a_file(store: StoreFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("a", "x", KEY)
    before = path.read_bytes()
    monkeypatch.setattr(store_file_module, "MAX_FILE_BYTES", 1000)

    with pytest.raises(ConfigError, match="use the manager"):
        store.put("b", "x" * 5000, KEY)

    assert path.read_bytes() == before


def test_a_link_to_the_file_stays_a_link(store: StoreFile, path: Path, tmp_path: Path) -> None:
    store.put("redis", "one", KEY)
    (tmp_path / "link").symlink_to(path)

    StoreFile(tmp_path / "link").put("redis", "two", KEY)

    assert (tmp_path / "link").is_symlink()
    assert store.get("redis", None, KEY) == "two"


def test_root_leaves_the_file_to_its_owner(store: StoreFile, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store.put("redis", "one", KEY)
    owner, given = (path.stat().st_uid, path.stat().st_gid), []
    # What is made belongs to another user than the file does.
    made = os.stat_result([0, 0, 0, 0, owner[0] + 1, owner[1], 0, 0, 0, 0])
    root = {"geteuid": lambda: 0, "fstat": lambda _: made, "fchown": lambda _, *to: given.append(to)}
    monkeypatch.setattr(durable, "os", SimpleNamespace(**vars(os) | root))

    store.put("redis", "two", KEY)

    assert given == [owner, owner], "the lock, and the new file"
