"""All the ways by which Kong reaches a strategy: nginx's phases, and a command line without nginx."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kong_vault_py.cli.lua_path import package_path
from tests.servers.nginx import Nginx
from tests.servers.polling import wait_until

HERE = Path(__file__).parent
LUA_PATH = f"{HERE}/?.lua;{package_path()}"

AT_START = ("init", "init_worker", "init_worker_timer")
IN_REQUESTS = ("access", "timer", "header_filter")
DOORS = (*AT_START, *IN_REQUESTS, "command_line")

Call = Mapping[str, Any]


@dataclass(frozen=True)
class Result:
    """What a strategy returned."""

    value: bytes | None
    error: str | None
    ttl: float | None


def call(strategy: str, resource: str, version: float | None = None, *, exact: bool = False, **config: Any) -> Call:
    """Describe a call; ``exact`` hands the config on as it is, else it goes through Kong's inference."""
    return {"strategy": strategy, "config": config, "resource": resource, "version": version, "exact": exact}


def run_lua(
    script: str, calls: Sequence[Call] = (), *, before: str = "", environment: Mapping[str, str] | None = None
) -> str:
    """Run a Lua file of this folder in plain LuaJIT and return its output."""
    done = subprocess.run(
        ["luajit", *(("-e", before) if before else ()), str(HERE / script)],
        input=json.dumps(calls),
        env={"PATH": os.environ.get("PATH", ""), "LUA_PATH": LUA_PATH, **(environment or {})},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, ""), done
    return done.stdout


class Doors:
    """Opens what is asked for, and keeps one nginx for requests.

    Args:
        folder: for nginx.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._stack = contextlib.ExitStack()
        self._started = 0
        self._nginx: Nginx | None = None

    @property
    def nginx(self) -> Nginx:
        """The nginx for requests."""
        if self._nginx is None:
            self._nginx = self._stack.enter_context(self.new_nginx())
        return self._nginx

    def new_nginx(self, environment: Mapping[str, str] | None = None) -> Nginx:
        """Return another nginx, to start."""
        self._started += 1
        folder = self._folder / str(self._started)
        folder.mkdir()
        return Nginx(folder, LUA_PATH, environment)

    def ask(self, door: str, calls: Sequence[Call], *, before: str = "") -> list[Result]:
        """Make the calls by a door and return what they returned.

        Args:
            door: one of DOORS.
            calls: see :func:`call`.
            before: Lua to run first, on the command line only.
        """
        if door == "command_line":
            found = json.loads(run_lua("command_line.lua", calls, before=before))
        elif door in AT_START:
            found = self._at_start(door, calls)
        else:
            found = self.nginx.call(door, calls)
        return [_result(each) for each in found]

    def close(self) -> None:
        """Stop nginx."""
        self._stack.close()

    def _at_start(self, door: str, calls: Sequence[Call]) -> list[Any]:
        nginx = self.new_nginx()
        nginx.plan(door, calls)
        with nginx:
            wait_until(lambda: nginx.results()[door] is not None, f"results of {door}")
            found: list[Any] = nginx.results()[door]
        return found


def _result(found: Mapping[str, Any]) -> Result:
    assert "raised" not in found, found
    value = found["value"]
    return Result(None if value is None else bytes.fromhex(value), found["err"], found["ttl"])
