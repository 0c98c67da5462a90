"""Finds the Vault server program, or builds it: ``python -m tests.servers.build_vault`` prints where it is.

In this order: ``bao`` or ``vault`` on PATH, the one built before, a new build of ``vault_build`` (some minutes, Go and
the network needed). A server that VAULT_ADDR and VAULT_TOKEN name wins over all of them, see ``vault_server.py``.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_SOURCE = Path(__file__).parent / "vault_build"
_BUILD_TIMEOUT_S = 3600
_VERSION = re.compile(r"^(?:require )?\s*github\.com/hashicorp/vault v(\S+)", re.MULTILINE)


class NoVaultError(Exception):
    """There is no Vault program here, and none can be built; the text says why."""


def installed_program() -> Path | None:
    """Return a Vault program that is there already, on PATH or in the cache."""
    for name in ("bao", "vault"):
        found = shutil.which(name)
        if found:
            return Path(found)
    return cached_program() if os.access(cached_program(), os.X_OK) else None


def cached_program() -> Path:
    """Return where the program is, or will be, built."""
    version = _VERSION.search((_SOURCE / "go.mod").read_text())
    assert version, "go.mod names Vault's version"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kong-vault-py" / "servers" / f"vault-{version[1]}" / "vault"


def ensure_program() -> Path:
    """Return a Vault program, building it where there is none.

    Raises:
        NoVaultError: it can't be built.
    """
    return installed_program() or _build()


def _build() -> Path:
    go = shutil.which("go")
    if go is None:
        raise NoVaultError("no bao or vault on PATH, and no Go to build one with")
    program = cached_program()
    with _locked(program.parent):
        # Another process may have built it while this one waited for the lock.
        if not os.access(program, os.X_OK):
            print(f"building a Vault server into {program.parent}; this takes some minutes", file=sys.stderr)
            _run_go(go, program)
    return program


def _run_go(go: str, program: Path) -> None:
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / "vault"
        command = [go, "build", "-trimpath", "-ldflags=-s -w", "-o", str(made), "."]
        try:
            subprocess.run(
                command,
                cwd=_SOURCE,
                env={**os.environ, "CGO_ENABLED": "0"},
                check=True,
                capture_output=True,
                text=True,
                timeout=_BUILD_TIMEOUT_S,
            )
        except subprocess.CalledProcessError as error:
            raise NoVaultError(f"building a Vault server failed: {error.stderr.strip()[-500:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NoVaultError(f"building a Vault server took longer than {_BUILD_TIMEOUT_S} s") from error
        made.replace(program)


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "build.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def main() -> int:
    """Print the program's path; say why where there is none."""
    try:
        print(ensure_program())
    except NoVaultError as error:
        print(f"no Vault server: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
