"""Requests per second through a plugin server, ours beside the stock one in its best mode, interleaved.

``driver.c`` plays Kong's side on one core; the server has the other. p0, p1 and p3 are a phase with 0, 1 and 3 PDK
calls.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measuring import median, ratio, table

DRIVER = Path(__file__).with_name("driver.c")
ROUNDS = 5
SECONDS = 1.5
CONNECTIONS = (32, 1)
_CALLS = {
    "p0": "",
    "p1": "kong.request.get_header('user-agent')",
    "p3": (
        "kong.request.get_header('user-agent'); "
        "kong.service.request.set_header('x-a', '1'); kong.service.request.set_header('x-b', '2')"
    ),
}
_PLUGIN = """
version = "1.0"
priority = 1
Schema = ()
class Plugin:
    def __init__(self, config):
        self.config = config
    def access(self, kong):
        {calls}
"""


def main() -> None:
    """Print a table per number of connections."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("\nNo C compiler: the plugin server's benchmark needs one for its driver.")
        return
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as name:
        folder = Path(name)
        driver = folder / "driver"
        subprocess.run([compiler, "-O2", "-w", "-o", str(driver), str(DRIVER)], check=True)
        plugins = folder / "plugins"
        plugins.mkdir()
        for plugin, calls in _CALLS.items():
            (plugins / f"{plugin}.py").write_text(_PLUGIN.format(calls=calls or "pass"))
        for connections in CONNECTIONS:
            _compare(folder, driver, plugins, connections)


def _compare(folder: Path, driver: Path, plugins: Path, connections: int) -> None:
    socket = folder / "s.sock"
    executables = Path(sys.executable).parent
    servers = {
        "stock": [
            *(str(executables / "kong-python-pluginserver"), "-g", "--no-lua-style", "-d", str(plugins)),
            *("-p", str(folder), "--socket-name", socket.name),
        ],
        "ours": [
            sys.executable,
            "-m",
            "kong_vault_py.cli",
            "pluginserver",
            "-d",
            str(plugins),
            "--socket",
            str(socket),
        ],
    }
    results: dict[tuple[str, str], list[dict[str, float]]] = {}
    for _ in range(ROUNDS):
        for server, command in servers.items():
            with _running(command, socket) as pid:
                for plugin in _CALLS:
                    results.setdefault((server, plugin), []).append(_drive(driver, socket, plugin, connections, pid))
    rows = []
    for plugin in _CALLS:
        stock, ours = results["stock", plugin], results["ours", plugin]
        rows.append(
            (
                plugin,
                *(f"{median([r['rps'] for r in found]):,.0f}" for found in (stock, ours)),
                ratio([r["rps"] for r in ours], [r["rps"] for r in stock]),
                *(f"{median([r['p99'] for r in found]):.0f}" for found in (stock, ours)),
                *(f"{median([r['cpu_us'] for r in found]):.1f}" for found in (stock, ours)),
            )
        )
    table(
        f"A phase with 0, 1 and 3 PDK calls, {connections} connection{'s' * (connections > 1)}",
        (
            "",
            "stock req/s",
            "ours req/s",
            "ratio (spread)",
            "stock p99 us",
            "ours p99 us",
            "stock CPU us",
            "ours CPU us",
        ),
        rows,
    )


@contextlib.contextmanager
def _running(command: Sequence[str], socket: Path) -> Iterator[int]:
    pinned = ["taskset", "-c", "0", *command] if shutil.which("taskset") else list(command)
    server = subprocess.Popen(pinned, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            if socket.exists():
                break
            time.sleep(0.02)
        time.sleep(0.2)
        yield server.pid
    finally:
        server.terminate()
        server.wait()
        socket.unlink(missing_ok=True)


def _drive(driver: Path, socket: Path, plugin: str, connections: int, pid: int) -> dict[str, float]:
    command = [str(driver), "-s", str(socket), "-n", plugin, "-c", str(connections), "-d", str(SECONDS), "-w", "0.3"]
    pinned = ["taskset", "-c", "1", *command] if shutil.which("taskset") and (os.cpu_count() or 1) > 1 else command
    before = _cpu_s(pid)
    done = subprocess.run(pinned, check=True, stdout=subprocess.PIPE, text=True)
    used_s = _cpu_s(pid) - before
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    # The driver counts after its warm-up; the server's CPU is for both.
    result["cpu_us"] = used_s * 1e6 / max(1.0, result["rps"] * (SECONDS + 0.3))
    return result


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
