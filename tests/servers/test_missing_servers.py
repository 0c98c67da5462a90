"""Where no server can be had: a user is told loudly, CI fails."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_TESTS = (
    "tests/strategies/test_hcv_token.py::test_a_denial_is_no_expiry",
    "tests/servers/test_redis_server.py::test_it_starts_again_on_its_port",
)


@pytest.mark.parametrize(("ci", "summary"), [({}, "2 skipped"), ({"CI": "true"}, "2 errors")])
def test_without_any_server(tmp_path: Path, ci: dict[str, str], summary: str) -> None:
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), **ci}

    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", *_TESTS],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
    )

    assert f" {summary} in " in run.stdout
    assert "no real Vault server for this test: no bao or vault on PATH, and no Go to build one with" in run.stdout
    assert "no real Redis for this test: no redis-server on PATH (Debian: apt install redis-server)" in run.stdout
