"""Runs ``kong-vault`` as a shell does: in a process of its own, with the environment given and no other."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path


def kong_vault(
    *arguments: str | Path, stdin: bytes | None = None, **environ: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "kong_vault_py.cli", *map(str, arguments)],
        capture_output=True,
        input=stdin,
        env=environ,
        timeout=60,
        check=False,
    )
