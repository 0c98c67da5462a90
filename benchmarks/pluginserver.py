"""Requests per second through a plugin server, ours beside the stock one in its best mode and others, interleaved.

``driver.c`` plays Kong's side on one core; the server has the other. p0, p1 and p3 are a phase with 0, 1 and 3 PDK
calls.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from benchmarks.measuring import median, ratio, table
from benchmarks.peers import CALLS, Peer, build_drivers, peers

DRIVER = Path(__file__).with_name("driver.c")
ROUNDS = int(os.environ.get("BENCH_ROUNDS", "5"))
SECONDS = 1.2
WARM_UP_S = 0.3
CONNECTIONS = (32, 1)
WORKERS = (1, 2)
_SOURCES = {
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
_Results = dict[tuple[str, str], list[dict[str, float]]]


def main() -> None:
    """Print a table per number of connections, and one for workers."""
    compiler = shutil.which("cc")
    if compiler is None:
        print("\nNo C compiler: the plugin server's benchmark needs one for its driver.")
        return
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as name:
        folder = Path(name)
        build_drivers(compiler, folder)
        plugins = write_plugins(folder)
        found = peers(folder, plugins)
        for connections in CONNECTIONS:
            _compare(folder, found, connections)
        _compare_workers(folder, next(peer for peer in found if peer.name == "ours"))


def write_plugins(folder: Path) -> Path:
    """Write p0, p1 and p3 into a folder of their own and return it."""
    plugins = folder / "plugins"
    plugins.mkdir()
    for plugin, calls in _SOURCES.items():
        (plugins / f"{plugin}.py").write_text(_PLUGIN.format(calls=calls or "pass"))
    return plugins


@contextlib.contextmanager
def running(
    command: Sequence[str], socket: Path, env: Mapping[str, str] | None = None, *, pinned: bool = True
) -> Iterator[int]:
    """Run a server, on the first core if pinned; yield its process id."""
    pinned_command = ["taskset", "-c", "0", *command] if pinned and shutil.which("taskset") else list(command)
    server = subprocess.Popen(
        pinned_command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})}
    )
    try:
        for _ in range(500):
            if socket.exists():
                break
            time.sleep(0.02)
        time.sleep(0.3)
        yield server.pid
    finally:
        server.terminate()
        server.wait()
        socket.unlink(missing_ok=True)


def _compare(folder: Path, found: list[Peer], connections: int) -> None:
    results: _Results = {}
    for _ in range(ROUNDS):
        for peer in found:
            if peer.missing:
                continue
            # A server per plugin where it serves no more than one.
            for group in [[plugin] for plugin in peer.plugins] if peer.env else [list(peer.plugins)]:
                with running(peer.command, peer.socket, peer.env.get(group[0])) as pid:
                    for plugin in group:
                        figures = _drive(folder, peer, plugin, connections, pid)
                        results.setdefault((peer.name, plugin), []).append(figures)
    stock = found[0].name
    for plugin in CALLS:
        table(
            f"A phase with {CALLS[plugin]} PDK calls, {connections} connection{'s' * (connections > 1)}",
            ("", "req/s", "ratio to stock (spread)", "p50 us", "p99 us", "CPU us"),
            [_row(peer, results, plugin, stock) for peer in found if plugin in peer.plugins],
        )


def _row(peer: Peer, results: _Results, plugin: str, stock: str) -> tuple[str, ...]:
    if peer.missing:
        return (f"{peer.name}: not measured, {peer.missing}", "", "", "", "", "")
    figures = results[peer.name, plugin]
    return (
        peer.name,
        f"{median([f['rps'] for f in figures]):,.0f}",
        ratio([f["rps"] for f in figures], [f["rps"] for f in results[stock, plugin]]),
        *(f"{median([f[name] for f in figures]):.0f}" for name in ("p50", "p99")),
        f"{median([f['cpu_us'] for f in figures]):.1f}",
    )


def _compare_workers(folder: Path, ours: Peer) -> None:
    """Ours with one and two workers, driver and server on all cores."""
    results: dict[tuple[int, str], list[float]] = {}
    for _ in range(ROUNDS):
        for workers in WORKERS:
            peer = Peer(ours.name, [*ours.command, "--workers", str(workers)], ours.socket)
            with running(peer.command, peer.socket, pinned=False) as pid:
                for plugin in CALLS:
                    figures = _drive(folder, peer, plugin, CONNECTIONS[0], pid, pinned=False)
                    results.setdefault((workers, plugin), []).append(figures["rps"])
    table(
        f"Workers, {CONNECTIONS[0]} connections, the driver on the same {os.cpu_count()} cores",
        ("", *(f"{workers} worker{'s' * (workers > 1)}, req/s" for workers in WORKERS), "ratio (spread)"),
        [
            (
                plugin,
                *(f"{median(results[workers, plugin]):,.0f}" for workers in WORKERS),
                ratio(results[WORKERS[1], plugin], results[WORKERS[0], plugin]),
            )
            for plugin in CALLS
        ],
    )


def _drive(
    folder: Path, peer: Peer, plugin: str, connections: int, pid: int, *, pinned: bool = True
) -> dict[str, float]:
    name = "go-pdk-bench" if peer.env else plugin
    command = [str(folder / peer.driver), "-s", str(peer.socket), "-n", name, "-c", str(connections)]
    command += ["-d", str(SECONDS), "-w", str(WARM_UP_S)]
    if pinned and shutil.which("taskset") and (os.cpu_count() or 1) > 1:
        command = ["taskset", "-c", "1", *command]
    before = cpu_s(pid)
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    used_s = cpu_s(pid) - before
    result: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    # The driver counts after its warm-up; the server's CPU is for both.
    result["cpu_us"] = used_s * 1e6 / max(1.0, result["rps"] * (SECONDS + WARM_UP_S))
    return result


def cpu_s(pid: int) -> float:
    """Return the seconds of CPU that a process has used."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


if __name__ == "__main__":
    main()
