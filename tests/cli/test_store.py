"""``kong-vault store``: values go in, and are seen again by the konnect vault alone."""

from __future__ import annotations

import json
import os
import pty
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.running import kong_vault


class Shop:
    """A folder with a store and its master key, as the environment names them."""

    def __init__(self, folder: Path) -> None:
        self.key, self.store = folder / "master.key", folder / "secrets.store"
        self.environ = {
            "KONG_VAULT_KONNECT_STORE_FILE": str(self.store),
            "KONG_VAULT_KONNECT_MASTER_KEY": f"file:{self.key}",
        }
        assert kong_vault("store", "new-key", self.key).returncode == 0

    def run(self, *arguments: str | Path, stdin: bytes | None = b"") -> subprocess.CompletedProcess[bytes]:
        return kong_vault("store", *arguments, stdin=stdin, **self.environ)

    def get(self, reference: str) -> bytes:
        return kong_vault("get", reference, **self.environ).stdout


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


def refusal(done: subprocess.CompletedProcess[bytes]) -> str:
    """Return the one line that a refused command wrote."""
    (line,) = done.stderr.decode().splitlines()
    assert (done.returncode, done.stdout) == (1, b"")
    return line


def test_a_value_from_standard_input_is_read_back_by_its_reference(shop: Shop) -> None:
    done = shop.run("put", "redis", stdin="grüße\n".encode())

    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"wrote version 1 of redis\n")
    assert shop.get("{vault://konnect/redis}") == "grüße\n".encode()
    assert "grüße".encode() not in shop.store.read_bytes()
    assert stat.S_IMODE(shop.store.stat().st_mode) == 0o600


@pytest.mark.parametrize(
    ("written", "options", "stored"),
    [
        (b"pw", [], b"pw"),
        (b"pw\r\n", [], b"pw"),
        (b"two\nlines\n\n", [], b"two\nlines\n"),
        (b"pw\n", ["--exact"], b"pw\n"),
        (b"", [], b""),
    ],
)
def test_one_line_end_is_dropped_unless_asked(shop: Shop, written: bytes, options: list[str], stored: bytes) -> None:
    assert shop.run("put", "redis", *options, stdin=written).returncode == 0

    assert kong_vault("get", "-n", "{vault://konnect/redis}", **shop.environ).stdout == stored


def test_a_value_from_a_file_and_a_longer_one_than_konnect_takes(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "chain.pem").write_bytes(b"x" * 6000)

    too_long = shop.run("put", "chain", "--file", tmp_path / "chain.pem")
    done = shop.run("put", "chain", "--file", tmp_path / "chain.pem", "--max-length", "10000")

    assert refusal(too_long) == "kong-vault store put: a value has 5120 characters at most, this one 6000"
    assert done.returncode == 0
    assert shop.get("{vault://konnect/chain}") == b"x" * 6000 + b"\n"


def test_a_value_typed_at_a_terminal_is_not_echoed(shop: Shop) -> None:
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "kong_vault_py.cli", "store", "put", "redis"]
    with subprocess.Popen(
        command, stdin=theirs, stdout=theirs, stderr=theirs, env=shop.environ, start_new_session=True
    ) as process:
        os.close(theirs)
        shown = b""
        for prompt in (b"Value: ", b"Repeat for confirmation: "):
            shown += _read_until(ours, prompt)
            os.write(ours, b"canary-typed\n")
        shown += _read_until(ours, b"wrote version 1 of redis\r\n")
    os.close(ours)

    assert process.returncode == 0
    assert b"canary" not in shown
    assert shop.get("{vault://konnect/redis}") == b"canary-typed\n"


def _read_until(terminal: int, end: bytes) -> bytes:
    shown = b""
    while not shown.endswith(end):
        shown += os.read(terminal, 1024)
    return shown


def test_versions_and_what_is_listed(shop: Shop) -> None:
    for value in (b"canary-one", b"canary-two"):
        shop.run("put", "redis", stdin=value)
    shop.run("put", "admin/password", stdin=b"canary")

    listed, versions = shop.run("list").stdout.decode(), shop.run("list", "redis").stdout.decode()
    told = json.loads(shop.run("list", "--json").stdout)

    assert [line.split()[:2] for line in listed.splitlines()] == [["admin/password", "#1"], ["redis", "#2"]]
    assert [line.split()[1] for line in versions.splitlines()] == ["#1", "#2"]
    assert [version["version"] for version in told["secrets"]["redis"]] == [1, 2]
    assert json.loads(shop.run("list", "redis", "--json").stdout)["secrets"].keys() == {"redis"}
    assert "canary" not in listed + versions + json.dumps(told)
    assert shop.get("{vault://konnect/redis#1}") == b"canary-one\n"
    assert refusal(shop.run("list", "nope")) == "kong-vault store list: the store has no secret 'nope'"


def test_deleting(shop: Shop) -> None:
    for value in (b"one", b"two"):
        shop.run("put", "redis", stdin=value)

    assert "is the current one" in refusal(shop.run("delete", "redis", "--version", "2"))
    assert shop.run("delete", "redis", "--version", "1").stderr == b"deleted version 1 of redis\n"
    assert shop.run("delete", "redis").stderr == b"deleted redis\n"
    assert "has no secret 'redis'" in refusal(shop.run("delete", "redis"))


def test_rotating_the_master_key(shop: Shop) -> None:
    shop.run("put", "redis", stdin=b"pw")

    added = shop.run("new-key", "--add", shop.key)
    rotated = shop.run("rotate-key")
    new, old = shop.key.read_text().splitlines()
    shop.key.write_text(new)

    assert added.returncode == 0
    assert rotated.stderr == b"1 versions are under the current master key\n"
    assert shop.get("{vault://konnect/redis}") == b"pw\n"
    shop.key.write_text(old)
    assert "wrong master key: the value is sealed with key" in refusal(shop.run("put", "redis", stdin=b"new"))


def test_a_wrong_master_key_is_refused_in_one_line_that_shows_no_key(shop: Shop, tmp_path: Path) -> None:
    shop.run("put", "redis", stdin=b"pw")
    before = shop.store.read_bytes()
    kong_vault("store", "new-key", tmp_path / "other.key")

    line = refusal(shop.run("put", "redis", "--master-key", f"file:{tmp_path}/other.key", stdin=b"new"))

    assert line.startswith("kong-vault store put: wrong master key: ")
    assert (tmp_path / "other.key").read_text().partition(":")[2].strip() not in line
    assert shop.store.read_bytes() == before


def test_a_key_file_is_never_overwritten(shop: Shop) -> None:
    before = shop.key.read_bytes()

    assert "it exists already" in refusal(shop.run("new-key", shop.key))

    assert shop.key.read_bytes() == before
    assert stat.S_IMODE(shop.key.stat().st_mode) == 0o600


def test_a_key_from_another_vault(shop: Shop) -> None:
    text = shop.key.read_text().strip()
    environ = shop.environ | {"KONG_VAULT_KONNECT_MASTER_KEY": "{vault://env/store-key}", "STORE_KEY": text}

    done = kong_vault("store", "put", "redis", stdin=b"pw", **environ)

    assert (done.returncode, shop.get("{vault://konnect/redis}")) == (0, b"pw\n")
    assert kong_vault("get", "{vault://konnect/redis}", **environ).stdout == b"pw\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["put", "redis", "--master-key", "kong-vault-master-key-1:canary"], "--master-key takes file:PATH"),
        (["put", "redis", "--master-key", "file:/nowhere/canary.key"], "can't read it: No such file"),
        (["put", "a//b"], "can't be a secret's key"),
        (["list", "--store", "/nowhere/secrets.store"], "there is no store file"),
        (["list", "--settings", "/nowhere/kong.conf"], "settings file /nowhere/kong.conf"),
    ],
)
def test_what_goes_wrong_is_one_line(shop: Shop, arguments: list[str], message: str) -> None:
    line = refusal(shop.run(*arguments, stdin=b"canary"))

    assert message in line
    assert "key-1:canary" not in line


def test_without_store_or_key_the_message_names_the_settings() -> None:
    assert "the setting vault_konnect_store_file" in refusal(kong_vault("store", "list"))
    assert "the setting vault_konnect_master_key" in refusal(
        kong_vault("store", "put", "redis", "--store", "/nowhere/s", stdin=b"pw")
    )


def test_misuse() -> None:
    assert kong_vault("store", "put").returncode == 2
    assert kong_vault("store", "put", "redis", "the-value").returncode == 2
    assert b"Examples:" in kong_vault("store", "--help").stdout
