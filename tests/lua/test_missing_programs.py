"""Where there is no LuaJIT or no nginx: a user is told loudly, CI fails."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(("ci", "summary"), [({}, "1 skipped"), ({"CI": "true"}, "1 error")])
def test_without_lua(tmp_path, ci, summary):
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "tests/lua/test_interrupted.py"],
        cwd=ROOT,
        env={"PATH": str(tmp_path), "HOME": str(tmp_path), **ci},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert f" {summary} in " in run.stdout
    assert "(Debian: apt install " in run.stdout
