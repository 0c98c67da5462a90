"""Where master keys come from, and what is refused as one."""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path

import pytest

from kong_vault_py.config_store.key_file import add_to_key_file, create_key_file
from kong_vault_py.config_store.master_keys import MasterKey, MasterKeys, aes_gcm, new_key_text
from kong_vault_py.errors import ConfigError, MissingDependencyError, VaultError
from kong_vault_py.secret import Secret


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    path = tmp_path / "master.key"
    create_key_file(path, new_key_text())
    return path


def ids(keys: MasterKeys) -> list[bytes]:
    return [key.id for key in keys.all]


def test_a_file_is_made_for_its_owner_alone_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_key_file(tmp_path / "master.key", new_key_text())
    finally:
        os.umask(before)

    assert stat.S_IMODE((tmp_path / "master.key").stat().st_mode) == 0o600
    assert len(MasterKeys.load(f"file:{tmp_path}/master.key").all) == 1


def test_an_existing_key_is_never_overwritten(key_file: Path) -> None:
    before = key_file.read_text()

    with pytest.raises(ConfigError, match="it exists already"):
        create_key_file(key_file, new_key_text())

    assert key_file.read_text() == before


def test_a_new_key_goes_before_the_old_ones(key_file: Path) -> None:
    (old,) = ids(MasterKeys.load(f"file:{key_file}"))

    add_to_key_file(key_file, new_key_text())

    keys = MasterKeys.load(f"file:{key_file}")
    assert ids(keys)[1:] == [old]
    assert keys.current.id != old
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o777])
def test_a_file_that_others_may_use_is_refused(key_file: Path, mode: int) -> None:
    key_file.chmod(mode)

    with pytest.raises(ConfigError, match=rf"others may use it \(mode {mode:04o}\); chmod 600"):
        MasterKeys.load(f"file:{key_file}")


def test_a_file_that_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    for name, problem in [
        ("absent", "No such file"),
        ("pipe", "no key file"),
        ("", "Is a directory"),
        ("a\0b", "null"),
    ]:
        with pytest.raises(ConfigError, match=problem):
            MasterKeys.load(f"file:{tmp_path}/{name}")


def test_a_file_of_anything_else_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    path.touch(mode=0o600)
    short = new_key_text()[:-8]
    for content in ["", "# only a comment\n", "canary-password", short, f"{new_key_text()}\ncanary", "\xff" * 99]:
        path.write_text(content, encoding="latin-1")

        with pytest.raises(ConfigError, match="kong-vault store new-key") as caught:
            MasterKeys.load(f"file:{path}")

        assert "canary" not in str(caught.value)
        assert short not in str(caught.value)


def test_keys_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = new_key_text(), new_key_text()
    monkeypatch.setenv("STORE_KEYS", f"{first} {second}")

    keys = MasterKeys.load("env:STORE_KEYS")

    assert ids(keys) == ids(MasterKeys.parse(f"# current\n{first}\n\n{second} # old\n", "x"))
    with pytest.raises(ConfigError, match="'NO_KEYS' is not set"):
        MasterKeys.load("env:NO_KEYS")


def test_keys_in_another_vault() -> None:
    text = new_key_text()
    asked: list[str] = []

    def resolve(reference: str) -> Secret:
        asked.append(reference)
        return Secret(text)

    keys = MasterKeys.load("{vault://hcv/store/master-key}", resolve)

    assert asked == ["{vault://hcv/store/master-key}"]
    assert ids(keys) == ids(MasterKeys.parse(text, "x")) == ids(MasterKeys.load(text))
    with pytest.raises(ConfigError, match="can't be used here"):
        MasterKeys.load("{vault://hcv/store/master-key}")


@pytest.mark.parametrize("source", ["", "canary", "file:", "env:", "/etc/key", "vault://x/canary", "https:canary"])
def test_a_source_of_no_known_form_is_not_repeated(source: str) -> None:
    with pytest.raises(ConfigError, match="expected file:<path>, env:<variable>") as caught:
        MasterKeys.load(source)

    assert "canary" not in str(caught.value)


def test_a_key_shows_nothing_but_its_id() -> None:
    key = MasterKey(b"\x00" * 31 + b"\x01")

    assert repr(key) == f"MasterKey(id={key.id.hex()!r})"
    assert "\\x00" not in repr(MasterKeys(key))
    with pytest.raises(ConfigError, match="32 bytes long, this one 16"):
        MasterKey(b"x" * 16)


def test_without_cryptography_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives.ciphers.aead", None)

    with pytest.raises(MissingDependencyError, match=r"pip install 'kong-vault-py\[store\]'") as caught:
        aes_gcm(b"x" * 32)

    assert isinstance(caught.value, VaultError)
