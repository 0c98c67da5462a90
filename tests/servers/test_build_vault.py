"""Finding the Vault program, and building it once; a script plays the Go compiler."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.servers import build_vault
from tests.servers.build_vault import NoVaultError, cached_program, ensure_program, main

_COMPILES = """
while [ "$1" != -o ]; do shift; done
echo compiled >> "$LOG"
printf '#!/bin/sh\\n' > "$2" && chmod 755 "$2"
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, str], Path]:
    """Puts a shell script on an otherwise empty PATH; the cache is empty too."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("LOG", str(tmp_path / "log"))

    def install(name: str, script: str) -> Path:
        path = programs / name
        path.write_text(f"#!/bin/sh\nPATH=/usr/bin:/bin\n{script}")
        path.chmod(0o755)
        return path

    return install


def test_a_program_on_path_wins(install: Callable[[str, str], Path]) -> None:
    vault = install("vault", "")
    assert ensure_program() == vault

    assert ensure_program() == vault
    bao = install("bao", "")
    assert ensure_program() == bao


def test_it_is_built_once_however_many_ask(install: Callable[[str, str], Path], tmp_path: Path) -> None:
    install("go", _COMPILES)

    with ThreadPoolExecutor(4) as pool:
        programs = set(pool.map(lambda _: ensure_program(), range(4)))

    assert programs == {cached_program()}
    assert os.access(cached_program(), os.X_OK)
    assert (tmp_path / "log").read_text() == "compiled\n"
    assert sorted(path.name for path in cached_program().parent.iterdir()) == ["build.lock", "vault"]


def test_a_failed_build_says_why_and_leaves_nothing(
    install: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]
) -> None:
    install("go", "echo no such module >&2; exit 1")

    with pytest.raises(NoVaultError, match="building a Vault server failed: no such module"):
        ensure_program()
    assert main() == 1
    assert "no Vault server: building a Vault server failed" in capsys.readouterr().err
    assert not cached_program().exists()


def test_a_build_that_hangs_is_ended(install: Callable[[str, str], Path], monkeypatch: pytest.MonkeyPatch) -> None:
    install("go", "exec sleep 60")
    monkeypatch.setattr(build_vault, "_BUILD_TIMEOUT_S", 0.1)

    with pytest.raises(NoVaultError, match="took longer than"):
        ensure_program()


def test_without_go_there_is_none(install: Callable[[str, str], Path]) -> None:
    with pytest.raises(NoVaultError, match="no Go to build one"):
        ensure_program()


def test_the_path_is_printed_for_make(install: Callable[[str, str], Path], capsys: pytest.CaptureFixture[str]) -> None:
    bao = install("bao", "")

    assert main() == 0
    assert capsys.readouterr().out == f"{bao}\n"


def test_the_version_built_is_in_the_folders_name() -> None:
    assert cached_program().parent.name.startswith("vault-1.")
