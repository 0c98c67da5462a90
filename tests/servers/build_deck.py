"""Finds the client made of decK's engine, or builds it: ``python -m tests.servers.build_deck`` prints where it is.

The one built before in the cache, else a new build of ``deck_build`` (half a minute; Go and the network needed).
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

_SOURCE = Path(__file__).parent / "deck_build"
_BUILD_TIMEOUT_S = 600
_VERSION = re.compile(r"^\s*github\.com/kong/go-database-reconciler v(\S+)", re.MULTILINE)


class NoDeckError(Exception):
    """There is no such program here, and it can't be built; the text says why."""


def cached_program() -> Path:
    """Return where the program is, or will be, built."""
    version = _VERSION.search((_SOURCE / "go.mod").read_text())
    assert version, "go.mod names the engine's version"
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return cache / "kong-vault-py" / "servers" / f"deck-engine-{version[1]}" / "deck"


def ensure_program() -> Path:
    """Return the program, building it where there is none, or an older one than its source.

    Raises:
        NoDeckError: it can't be built.
    """
    program = cached_program()
    if program.exists() and program.stat().st_mtime >= (_SOURCE / "main.go").stat().st_mtime:
        return program
    go = shutil.which("go")
    if go is None:
        raise NoDeckError("no Go to build one with")
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        made = Path(folder) / "deck"
        command = [go, "build", "-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-o", str(made), "."]
        environment = {**os.environ, "CGO_ENABLED": "0"}
        try:
            subprocess.run(
                command,
                cwd=_SOURCE,
                env=environment,
                check=True,
                capture_output=True,
                text=True,
                timeout=_BUILD_TIMEOUT_S,
            )
        except subprocess.CalledProcessError as error:
            raise NoDeckError(f"building it failed: {error.stderr.strip()[-500:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NoDeckError(f"building it took longer than {_BUILD_TIMEOUT_S} s") from error
        made.replace(program)
    return program


def main() -> int:
    """Print the program's path; say why where there is none."""
    try:
        print(ensure_program())
    except NoDeckError as error:
        print(f"no client with decK's engine: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
