"""The example of docs/testing-plugins.md is a test suite that passes, and the page names what is not simulated."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from kong_vault_py.testing.pdk import NOT_SIMULATED, PDK

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "testing-plugins.md").read_text()
FIXTURES = "from kong_vault_py.testing.pytest_plugin import kong_gateway, kong_upstream\n"


def test_example_passes(tmp_path: Path) -> None:
    blocks = re.findall(r"```python\n# (\S+)\n(.*?)```", PAGE, re.DOTALL)
    for name, code in blocks:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(code)
    # Where the package is installed its entry point brings the fixtures; here it may not be.
    (tmp_path / "conftest.py").write_text(FIXTURES)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "--rootdir",
        str(tmp_path),
        str(tmp_path),
    ]

    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert [name for name, _ in blocks] == ["plugins/greeter.py", "test_greeter.py"]
    assert "4 passed" in done.stdout


def test_a_function_is_simulated_or_not() -> None:
    assert [name for name in PDK if name.startswith(NOT_SIMULATED)] == []
