"""The fs vault: the contract, and everything that must not lead outside of its directory."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from kong_vault_py.errors import (
    ConfigError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
    UnavailableError,
)
from kong_vault_py.options import build_config
from kong_vault_py.strategies.base import HealthStatus
from kong_vault_py.strategies.fs import FsConfig, FsStrategy, confined_read
from kong_vault_py.strategies.fs.confined_read import MAX_FILE_BYTES
from kong_vault_py.testing.strategy_backend import StrategyBackend
from kong_vault_py.testing.strategy_contract import StrategyContract

_NO_SERVER = "a directory is no server, and takes no credentials"
_TIMEOUT_S = 1.0


class FsBackend(StrategyBackend):
    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self._folder = folder
        self._monkeypatch = monkeypatch

    def strategy(self) -> FsStrategy:
        return FsStrategy(FsConfig(prefix=str(self._folder)))

    def put(self, resource: str, value: str) -> None:
        (self._folder / resource).write_bytes(value.encode())

    def remove(self, resource: str) -> None:
        (self._folder / resource).unlink()

    def strategy_denied(self, resource: str) -> FsStrategy:
        (self._folder / resource).chmod(0)
        if os.access(self._folder / resource, os.R_OK):
            _refuse_like_the_kernel(self._monkeypatch, resource)
        return self.strategy()

    def strategy_unreachable(self) -> FsStrategy:
        return FsStrategy(FsConfig(prefix=str(self._folder / "not-mounted")))


def _refuse_like_the_kernel(monkeypatch: pytest.MonkeyPatch, resource: str) -> None:
    """Root reads every file, whatever its mode: as root the kernel's refusal is played."""
    really_open = os.open

    def refusing_open(path: object, *arguments: object, **options: object) -> int:
        if path == resource.encode():
            raise PermissionError(13, "Permission denied")
        return really_open(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(confined_read.os, "open", refusing_open)


class TestContract(StrategyContract):
    not_applicable = {
        "test_wrong_credentials": _NO_SERVER,
        "test_slow": _NO_SERVER,
        "test_malformed": _NO_SERVER,
        "test_versioned": "a file has no versions",
    }

    @pytest.fixture
    def backend(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> FsBackend:
        return FsBackend(folder, monkeypatch)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """The vault's directory, with a file beside it that must never be read."""
    (tmp_path / "outside").write_text("outside")
    inside = tmp_path / "secrets"
    inside.mkdir()
    return inside


@pytest.fixture
def strategy(folder: Path) -> FsStrategy:
    return FsStrategy(FsConfig(prefix=str(folder)))


def _value(strategy: FsStrategy, resource: str) -> str | bytes:
    return strategy.fetch(resource, None, timeout_s=_TIMEOUT_S).value


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"pw\n", "pw"),
        (b"pw\r\n", "pw"),
        (b"pw\n\n", "pw\n"),
        (b"pw\r", "pw\r"),
        (b"\n", ""),
        (b"pw ", "pw "),
        (b"\xff", "\udcff"),
    ],
)
def test_one_line_end_is_dropped_and_nothing_else(
    strategy: FsStrategy, folder: Path, content: bytes, value: str
) -> None:
    (folder / "password").write_bytes(content)

    assert _value(strategy, "password") == value


def test_files_in_folders(strategy: FsStrategy, folder: Path) -> None:
    (folder / "team" / "redis").mkdir(parents=True)
    (folder / "team" / "redis" / "password").write_text("deep")

    assert _value(strategy, "team/redis/password") == "deep"
    assert _value(strategy, "team/./redis//password") == "deep"


def test_a_file_name_that_is_no_utf8(strategy: FsStrategy, folder: Path) -> None:
    Path(os.fsdecode(os.fsencode(folder) + b"/\xff")).write_text("named by a byte")

    assert _value(strategy, "\udcff") == "named by a byte"


def test_a_kubernetes_mount_and_its_swap(strategy: FsStrategy, folder: Path) -> None:
    for version, value in (("..v1", "before"), ("..v2", "after")):
        (folder / version).mkdir()
        (folder / version / "password").write_text(value)
    (folder / "..data").symlink_to("..v1")
    (folder / "password").symlink_to("..data/password")
    assert _value(strategy, "password") == "before"

    (folder / "..data_tmp").symlink_to("..v2")
    (folder / "..data_tmp").rename(folder / "..data")

    assert _value(strategy, "password") == "after"


def test_a_swap_between_looking_and_opening_is_followed(
    strategy: FsStrategy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "v1").mkdir()
    (folder / "v1" / "password").write_text("before")
    (folder / "password").symlink_to("v1/password")
    really_open, swapped = os.open, []

    def open_after_swap(path: object, *arguments: object, **options: object) -> int:
        if not swapped:
            swapped.append(True)
            (folder / "v1").rename(folder / "v2")
            (folder / "password").unlink()
            (folder / "password").symlink_to("v2/password")
        return really_open(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(confined_read.os, "open", open_after_swap)

    assert _value(strategy, "password") == "before"


def test_the_directory_itself_may_be_a_link(tmp_path: Path, folder: Path) -> None:
    (folder / "password").write_text("linked")
    (tmp_path / "link").symlink_to(folder)

    assert _value(FsStrategy(FsConfig(prefix=f"{tmp_path}/link/")), "password") == "linked"


@pytest.mark.parametrize(
    "resource", ["../outside", "..", "a/../../outside", "/etc/passwd", "sub/../../outside", "a/.."]
)
def test_no_path_leads_outside(strategy: FsStrategy, resource: str) -> None:
    with pytest.raises(PermissionDeniedError, match="leads outside"):
        _value(strategy, resource)


@pytest.mark.parametrize("target", ["../outside", "/etc/hostname", "sub/../../outside"])
def test_no_link_leads_outside(strategy: FsStrategy, folder: Path, target: str) -> None:
    (folder / "sub").mkdir()
    (folder / "link").symlink_to(target)

    with pytest.raises(PermissionDeniedError, match="symbolic link that leads outside"):
        _value(strategy, "link")


def test_no_linked_folder_leads_outside(strategy: FsStrategy, folder: Path) -> None:
    (folder / "up").symlink_to("..")

    with pytest.raises(PermissionDeniedError, match="symbolic link that leads outside"):
        _value(strategy, "up/outside")


def test_a_directory_whose_name_begins_alike_is_outside(tmp_path: Path, strategy: FsStrategy, folder: Path) -> None:
    (tmp_path / "secrets-of-others").write_text("others'")
    (folder / "link").symlink_to(tmp_path / "secrets-of-others")

    with pytest.raises(PermissionDeniedError, match="leads outside"):
        _value(strategy, "link")


def test_a_link_put_in_after_the_check_is_not_followed(
    strategy: FsStrategy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "password").write_text("inside")
    really_open = os.open

    def open_after_attack(path: object, *arguments: object, **options: object) -> int:
        if path == b"password":
            (folder / "password").unlink()
            (folder / "password").symlink_to("../outside")
        return really_open(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(confined_read.os, "open", open_after_attack)

    with pytest.raises(PermissionDeniedError, match="leads outside"):
        _value(strategy, "password")


def test_a_pipe_is_no_secret_and_blocks_nothing(strategy: FsStrategy, folder: Path) -> None:
    os.mkfifo(folder / "pipe")

    with pytest.raises(InvalidResponseError, match="not a regular file"):
        _value(strategy, "pipe")


def test_a_socket_is_no_secret(strategy: FsStrategy, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # The address of a socket has to be short: a relative one.
    monkeypatch.chdir(folder)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")

        with pytest.raises(InvalidResponseError, match="not a regular file"):
            _value(strategy, "socket")


def test_a_directory_is_no_secret(strategy: FsStrategy, folder: Path) -> None:
    (folder / "team").mkdir()

    with pytest.raises(SecretNotFoundError, match="is a directory"):
        _value(strategy, "team")


def test_a_loop_of_links(strategy: FsStrategy, folder: Path) -> None:
    (folder / "loop").symlink_to("loop")

    with pytest.raises(InvalidResponseError, match="loop of symbolic links"):
        _value(strategy, "loop")


def test_a_file_below_a_file(strategy: FsStrategy, folder: Path) -> None:
    (folder / "password").write_text("x")

    with pytest.raises(SecretNotFoundError, match="there is no file 'password/x'"):
        _value(strategy, "password/x")


def test_the_largest_file_and_one_byte_more(strategy: FsStrategy, folder: Path) -> None:
    (folder / "largest").write_bytes(b"x" * MAX_FILE_BYTES)
    (folder / "larger").write_bytes(b"x" * (MAX_FILE_BYTES + 1))

    assert len(_value(strategy, "largest")) == MAX_FILE_BYTES
    with pytest.raises(InvalidResponseError, match=f"larger than {MAX_FILE_BYTES} bytes"):
        _value(strategy, "larger")


def test_a_disk_that_fails_means_unavailable(
    strategy: FsStrategy, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "password").write_text("x")

    def failing_read(*_: object) -> bytes:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(confined_read.os, "read", failing_read)

    with pytest.raises(UnavailableError, match="can't be read: Input/output error"):
        _value(strategy, "password")


def test_a_version_is_refused(strategy: FsStrategy, folder: Path) -> None:
    (folder / "password").write_text("x")

    with pytest.raises(SecretNotFoundError, match="no versions; remove the '#' part"):
        strategy.fetch("password", 1.0, timeout_s=_TIMEOUT_S)


def test_a_directory_that_is_gone_is_said_to_be(strategy: FsStrategy, folder: Path) -> None:
    folder.rmdir()

    with pytest.raises(UnavailableError, match="is it mounted"):
        _value(strategy, "password")
    assert strategy.check(timeout_s=_TIMEOUT_S).status is HealthStatus.UNAVAILABLE


@pytest.mark.parametrize("prefix", ["secrets", "./secrets", "~/secrets", "/a\0b"])
def test_a_prefix_has_to_be_absolute(prefix: str) -> None:
    with pytest.raises(ConfigError, match="vault 'f': option 'prefix'"):
        build_config(FsConfig, {"prefix": prefix}, where="vault 'f'")


def test_the_prefix_is_required() -> None:
    with pytest.raises(ConfigError, match="option 'prefix' is required"):
        build_config(FsConfig, {}, where="vault 'f'")


def test_no_descriptor_stays_open(strategy: FsStrategy, folder: Path) -> None:
    (folder / "team").mkdir()
    os.mkfifo(folder / "team" / "pipe")
    (folder / "team" / "password").write_text("x")
    before = _open_descriptors()

    _value(strategy, "team/password")
    for resource in ("team/pipe", "team", "team/none"):
        with pytest.raises((InvalidResponseError, SecretNotFoundError)):
            _value(strategy, resource)

    assert _open_descriptors() == before


def _open_descriptors() -> int:
    return sum(1 for _ in Path("/dev/fd").iterdir())
