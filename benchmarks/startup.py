"""What Kong waits for, the CPU of a plugin dump, and what stays: the idle server's memory; ours and the stock one's."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measuring import ROUNDS, median, table

PLUGINS = Path(__file__).parents[1] / "plugins"
STOCK_PLUGIN = """
version = "1.0"
priority = 1
Schema = ({"message": {"type": "string"}},)
class Plugin:
    def __init__(self, config):
        self.config = config
    def access(self, kong):
        pass
"""


def main() -> None:
    """Print both tables."""
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as folder:
        plain = Path(folder) / "plugins"
        plain.mkdir()
        (plain / "plain.py").write_text(STOCK_PLUGIN)
        ours = [sys.executable, "-m", "kong_vault_py.cli", "pluginserver"]
        stock = [str(Path(sys.executable).parent / "kong-python-pluginserver")]
        table(
            "Answering Kong's query for one plugin",
            ("", "CPU s, median", "most"),
            [
                _dump("kong-vault-py, vault-proxy-cache", [*ours, "-d", str(PLUGINS), "--dump", "vault-proxy-cache"]),
                _dump("kong-vault-py, a plain plugin", [*ours, "-d", str(plain), "--dump", "plain"]),
                _dump("stock kong-pdk, the same plain plugin", [*stock, "-d", str(plain), "--dump-all-plugins"]),
                _dump("python -c pass", [sys.executable, "-c", "pass"]),
            ],
        )
        socket = Path(folder) / "s.sock"
        table(
            "The idle server's resident memory",
            ("", "MiB"),
            [
                _memory("kong-vault-py, a plain plugin", [*ours, "-d", str(plain), "--socket", str(socket)], socket),
                _memory("kong-vault-py, our plugins", [*ours, "-d", str(PLUGINS), "--socket", str(socket)], socket),
                _memory(
                    "stock kong-pdk in gevent mode, a plain plugin",
                    [*stock, "-g", "-d", str(plain), "-p", folder, "--socket-name", "s.sock"],
                    socket,
                ),
            ],
        )


def _dump(name: str, command: Sequence[str]) -> tuple[str, str, str]:
    figures = []
    for _ in range(ROUNDS):
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, capture_output=True, env={})
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)
    return name, f"{median(figures):.3f}", f"{max(figures):.3f}"


def _memory(name: str, command: Sequence[str], socket: Path) -> tuple[str, str]:
    server = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env={})
    try:
        for _ in range(500):
            if socket.exists():
                break
            time.sleep(0.02)
        time.sleep(0.5)
        pages = int(Path(f"/proc/{server.pid}/statm").read_text().split()[1])
    finally:
        server.terminate()
        server.wait()
        if socket.exists():
            socket.unlink()
    return name, f"{pages * os.sysconf('SC_PAGE_SIZE') / 2**20:.1f}"


if __name__ == "__main__":
    if not shutil.which("kong-python-pluginserver", path=str(Path(sys.executable).parent)):
        sys.exit("the stock server is missing: make setup")
    main()
