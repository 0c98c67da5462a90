"""The agent over its socket: a hit beside an empty answer of the same server.

One client on one kept connection asks in turn; both answers come from the same process, by the same HTTP server.
"""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measuring import median, ratio, table

ROUNDS = 9
CALLS = 2000
#: The same server with an application that does nothing, beside the agent's: one process, one loop.
_SERVER = """
import os, sys
from gevent import monkey
monkey.patch_all()
import falcon
from pathlib import Path
from kong_vault_py.agent.agent import Agent
from kong_vault_py.agent.options import AgentOptions
from kong_vault_py.agent.server import AgentServer
from kong_vault_py.settings import Settings
from kong_vault_py.vault import Vault
from gevent.event import Event

class Empty:
    def on_post(self, request, response):
        response.data = b"{}"

empty = falcon.App()
empty.add_route("/v1/resolve", Empty())
folder = Path(sys.argv[1])
AgentServer(AgentOptions(folder / "empty.sock"), empty).start()
agent = Agent(AgentOptions(folder / "agent.sock"))
agent.start(Vault(Settings.load(folder / "settings.conf"), observer=agent.metrics))
Event().wait()
"""


def main() -> None:
    """Print the table."""
    with tempfile.TemporaryDirectory(prefix="kong-vault-bench-") as name:
        folder = Path(name)
        (folder / "secrets").mkdir()
        (folder / "secrets" / "db").write_text('{"username": "app", "password": "a-password-of-some-length"}')
        (folder / "settings.conf").touch(mode=0o600)
        (folder / "settings.conf").write_text(f"vault_fs_prefix = {folder}/secrets\nvault_fs_ttl = 300\n")
        server = subprocess.Popen([sys.executable, "-c", _SERVER, str(folder)], stderr=subprocess.DEVNULL)
        try:
            _measure(folder)
        finally:
            server.terminate()
            server.wait()


def _measure(folder: Path) -> None:
    fetch = {"strategy": "fs", "config": {"ttl": 300}, "resource": "db", "version": None}
    subjects = {
        "empty": _asking(folder / "empty.sock", "/v1/resolve", {"reference": "{vault://fs/db/password}"}),
        "resolve": _asking(folder / "agent.sock", "/v1/resolve", {"reference": "{vault://fs/db/password}"}),
        "fetch": _asking(folder / "agent.sock", "/v1/fetch", fetch),
        "resource": _asking(folder / "agent.sock", "/v1/resource", {"reference": "{vault://fs/db/password}"}),
    }
    figures: dict[str, list[float]] = {name: [] for name in subjects}
    for number in range(ROUNDS + 1):
        for name, ask in subjects.items():
            began = time.perf_counter()
            for _ in range(CALLS):
                ask()
            if number:
                figures[name].append((time.perf_counter() - began) / CALLS * 1e6)
    names = {
        "empty": "an empty answer of the same server",
        "resolve": "`/v1/resolve`, a hit",
        "fetch": "`/v1/fetch` with a config, a hit",
        "resource": "`/v1/resource`, a hit",
    }
    table(
        "The agent over its socket",
        ("", "us per round trip", "ratio to the empty answer (spread)"),
        [(names[key], f"{median(figures[key]):.0f}", ratio(figures[key], figures["empty"])) for key in names],
    )


def _asking(path: Path, url: str, body: object) -> Callable[[], None]:
    text = json.dumps(body)
    for _ in range(500):
        if path.exists():
            break
        time.sleep(0.02)
    connection = http.client.HTTPConnection("localhost")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.connect(str(path))

    def ask() -> None:
        connection.request("POST", url, text, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        content = answer.read()
        assert answer.status == 200, content

    return ask


if __name__ == "__main__":
    main()
