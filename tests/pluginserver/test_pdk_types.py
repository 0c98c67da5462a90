"""The types of ``kong``: complete, and understood by mypy."""

from __future__ import annotations

import inspect
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

from kong_pdk.pdk.kong import kong as known

from kong_vault_py import pdk_types

PLUGIN = """\
from kong_vault_py.pdk_types import Kong

class Plugin:
    def access(self, kong: Kong) -> None:
        host: str | None = kong.request.get_header("host")
        kong.service.request.set_header("x-host", host or "")
        kong.log.notice("host ", host, 5)
        if host is None:
            kong.response.exit(400, {"message": "no host"})
        reveal_type(host)
        kong.request.get_haeder("host")
        kong.response.exit("400")
"""


def missing(known_node: type, typed: type, path: str) -> list[str]:
    found = []
    for name, value in vars(known_node).items():
        if name.startswith("_") or not (inspect.isclass(value) or callable(value) or isinstance(value, staticmethod)):
            continue
        ours = inspect.getattr_static(typed, name, None)
        if ours is None:
            found.append(f"{path}.{name}")
        elif inspect.isclass(value):
            found += missing(value, get_type_hints(ours.fget, vars(pdk_types))["return"], f"{path}.{name}")
    return found


def test_every_name_that_kong_pdk_knows_has_its_types() -> None:
    assert missing(known, pdk_types.Kong, "kong") == []


def test_mypy_checks_a_plugin_with_them(tmp_path: Path) -> None:
    (tmp_path / "plugin.py").write_text(PLUGIN)

    ended = subprocess.run(
        [sys.executable, "-m", "mypy", "--strict", "--cache-dir", str(tmp_path / "cache"), "plugin.py"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=100,
    )

    lines = [line for line in ended.stdout.splitlines() if line.startswith("plugin.py:")]
    assert [line.split(":")[1] for line in lines] == ["10", "11", "12"], ended.stdout
    assert 'Revealed type is "' in lines[0]
    assert "str" in lines[0]
    assert "None" not in lines[0]  # exit does not return
    assert '"get_haeder"' in lines[1]
