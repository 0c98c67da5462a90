"""The servers that ours is measured beside: the stock one, npm's, Go's, and two ceilings that do nothing.

What is not on this machine (node, go, a package registry) makes no entry but a reason.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / ".build" / "benchmarks"
CALLS = {"p0": 0, "p1": 1, "p3": 3}
_FETCH_S = 180


@dataclass(frozen=True)
class Peer:
    """A server to measure.

    Attributes:
        name: its row in the table.
        command: starts it.
        socket: where it listens.
        plugins: those of p0, p1 and p3 that it has.
        driver: what loads it.
        env: what it needs in the environment, by plugin; with it, it serves one plugin per process.
        missing: why it can't be measured here.
    """

    name: str
    command: list[str]
    socket: Path
    plugins: tuple[str, ...] = tuple(CALLS)
    driver: str = "driver"
    env: dict[str, dict[str, str]] = field(default_factory=dict)
    missing: str = ""


def build_drivers(compiler: str, folder: Path) -> None:
    """Compile what plays Kong's side, and the echo in C."""
    for source in (HERE.parent / "driver.c", HERE / "protobuf_driver.c", HERE / "echo.c"):
        subprocess.run([compiler, "-O2", "-w", "-o", str(folder / source.stem), str(source)], check=True)


def peers(folder: Path, plugins: Path) -> list[Peer]:
    """Return stock, ours and all others, their sockets in ``folder``."""
    socket = folder / "s.sock"
    executables = Path(sys.executable).parent
    ours = [sys.executable, "-m", "kong_vault_py.cli", "pluginserver", "-d", str(plugins), "--socket", str(socket)]
    stock = [str(executables / "kong-python-pluginserver"), "-g", "--no-lua-style", "-d", str(plugins)]
    return [
        Peer("stock kong-pdk, gevent", [*stock, "-p", str(folder), "--socket-name", socket.name], socket),
        Peer("ours", ours, socket),
        Peer("ours, --busy-poll 50", [*ours, "--busy-poll", "50"], socket),
        _npm(folder),
        _go(folder),
        Peer("an echo in Python", [sys.executable, str(HERE / "echo.py"), str(socket)], socket, plugins=("p0",)),
        Peer("an echo in C", [str(folder / "echo"), str(socket)], socket, plugins=("p0",)),
    ]


def _npm(folder: Path) -> Peer:
    name, target = "npm kong-pdk", BUILD / "js"
    socket = folder / "js.sock"
    command = [str(target / "node_modules" / ".bin" / "kong-js-pluginserver"), "-d", str(target / "plugins")]
    reason = ""
    if not shutil.which("node") or not shutil.which("npm"):
        reason = "no node and npm here"
    else:
        shutil.copytree(HERE / "js", target / "plugins", dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.json"))
        shutil.copy(HERE / "js" / "package.json", target)
        if not Path(command[0]).exists():
            reason = _fetch(["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts"], target)
    return Peer(name, [*command, "-p", str(folder), "--sock-name", socket.name], socket, missing=reason)


def _go(folder: Path) -> Peer:
    target = BUILD / "go"
    program = target / "go-pdk-bench"
    reason = ""
    if not shutil.which("go"):
        reason = "no go here"
    else:
        shutil.copytree(HERE / "go", target, dirs_exist_ok=True)
        reason = _fetch(["go", "build", "-o", program.name, "."], target)
    return Peer(
        "Go's go-pdk, one core",
        [str(program), "-kong-prefix", str(folder)],
        folder / f"{program.name}.socket",
        driver="protobuf_driver",
        env={plugin: {"BENCH_CALLS": str(calls)} for plugin, calls in CALLS.items()},
        missing=reason,
    )


def _fetch(command: list[str], folder: Path) -> str:
    """Run a package client; return why it failed, if it did."""
    try:
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=_FETCH_S, env=os.environ)
    except subprocess.TimeoutExpired:
        return f"{command[0]} took more than {_FETCH_S} s"
    return "" if done.returncode == 0 else f"{command[0]} failed: {(done.stderr.splitlines() or ['?'])[-1][:100]}"
