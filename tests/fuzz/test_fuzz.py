"""The fuzzers, for a short time; ``make fuzz`` runs them for longer."""

from __future__ import annotations

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

SECONDS = 8


@pytest.mark.skipif(find_spec("atheris") is None, reason="there is no atheris for this Python")
def test_no_bytes_confuse_the_decoder() -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.pluginserver_frames", str(SECONDS)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert ended.returncode == 0, ended.stdout[-2000:] + ended.stderr[-4000:]
    assert "number_of_executed_units" in ended.stderr
