"""The manager with 10,000 vaults and 100 waiting nodes on PostgreSQL: how long reads take, and how soon nodes hear.

Run alone: ``python -m benchmarks.manager``. Needs postgres with its initdb.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from benchmarks.measuring import table
from kong_vault_py.manager.access.signing_in import SigningIn
from tests.manager.running import PASSWORD, open_manager
from tests.servers.polling import wait_until
from tests.servers.ports import free_port
from tests.servers.postgres import PostgresServer, postgres_program

GROUPS, VAULTS_PER_GROUP, NODES = 20, 500, 100
READS = 300
CLIENTS = 4


def main() -> None:
    """Measure and print."""
    program = postgres_program()
    if program is None:
        print("\nNo PostgreSQL here: the manager is not measured.")
        return
    with (
        tempfile.TemporaryDirectory() as data,
        PostgresServer(program, Path(data)) as server,
        tempfile.TemporaryDirectory() as folder,
    ):
        _measure(Path(folder), server.create_database("bench"))


def _measure(folder: Path, database: str) -> None:
    token, nodes = _fill(folder, database)
    port = free_port()
    settings = folder / "manager.conf"
    settings.touch(mode=0o600)
    lines = {"folder": folder, "master_key": f"file:{folder}/master.key", "database": database}
    lines["listen"] = f"127.0.0.1:{port}"
    settings.write_text("".join(f"vault_py_manager_{name} = {value}\n" for name, value in lines.items()))
    command = [sys.executable, "-m", "kong_vault_py.cli", "manager", "serve", "--log-level", "error"]
    process = subprocess.Popen([*command, "--settings", str(settings)])
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_up(url), "start of the manager")
        heard = _with_waiting_nodes(url, nodes, lambda: _reads(url, token, nodes), lambda: _change(url, token))
        node = {"Authorization": f"Bearer {nodes[0]}"}
        fresh = _timed(url + "/dataplane/v1/vaults", node, clients=1, before=lambda: _change(url, token))
    finally:
        process.terminate()
        process.wait()
    median, p95 = (f"{_p(fresh, percent) * 1000:.1f}" for percent in (50, 95))
    print(f"\nThe first fetch after a change: {median} ms in the median, p95 {p95}.")
    print(f"A change reached {len(heard)} waiting nodes in {min(heard):.2f} to {max(heard):.2f} s.")


def _fill(folder: Path, database: str) -> tuple[str, list[str]]:
    """Make the groups, vaults and nodes by the services; return an API token and the nodes' tokens."""
    manager = open_manager(folder, database)
    path = manager.bootstrap.prepare()
    assert path is not None
    manager.bootstrap.use({"token": path.read_text().strip(), "username": "root", "password": PASSWORD})
    signing_in: SigningIn = manager.signing_in
    principal = signing_in.login("root", PASSWORD, "bench").principal
    token = manager.api_tokens.create(principal, {"name": "bench"})["token"]
    nodes = []
    for number in range(GROUPS):
        group_id = manager.groups.create("user:root", {"name": f"group-{number}"})["id"]
        config = {"host": "vault.internal", "token": "a-token-of-some-length"}
        vaults = [
            {"name": "hcv", "prefix": f"vault-{n}", "config": config, "tags": ["even" if n % 2 else "odd"]}
            for n in range(VAULTS_PER_GROUP)
        ]
        manager.vaults.put_many("user:root", group_id, vaults)
        nodes += [
            manager.nodes.create_token("user:root", group_id, {"node": f"gw-{node}"})["token"]
            for node in range(NODES // GROUPS)
        ]
    manager.close()
    return token, nodes


def _is_up(url: str) -> bool:
    try:
        return httpx.get(f"{url}/health").status_code == 200
    except httpx.TransportError:
        return False


def _with_waiting_nodes(
    url: str, nodes: list[str], meanwhile: Callable[[], None], change: Callable[[], float]
) -> list[float]:
    """Let every node wait while something else is done; then change a group, and return how soon its nodes heard."""
    heard: list[float] = []

    async def wait(client: httpx.AsyncClient, token: str) -> None:
        headers = {"Authorization": f"Bearer {token}"}
        known = (await client.get(f"{url}/dataplane/v1/vaults", headers=headers)).json()["revision"]
        while True:
            path = f"{url}/dataplane/v1/vaults?after={known}&wait_s=25"
            answer = await client.get(path, headers=headers)
            if answer.status_code == 200:
                heard.append(time.monotonic())
                return

    async def wait_all() -> None:
        limits = httpx.Limits(max_connections=len(nodes))
        async with httpx.AsyncClient(timeout=60, limits=limits) as client:
            tasks = [asyncio.ensure_future(wait(client, token)) for token in nodes]
            while not stop.is_set():
                await asyncio.sleep(0.05)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    stop = threading.Event()
    waiting = threading.Thread(target=lambda: asyncio.run(wait_all()))
    waiting.start()
    try:
        time.sleep(5)
        meanwhile()
        began = change()
        wait_until(lambda: len(heard) >= NODES // GROUPS, "the nodes' hearing")
    finally:
        stop.set()
        waiting.join()
    return [moment - began for moment in heard]


def _reads(url: str, token: str, nodes: list[str]) -> None:
    user, node = {"Authorization": f"Bearer {token}"}, {"Authorization": f"Bearer {nodes[0]}"}
    subjects = {
        "a vault by its prefix": ("/groups/group-7/vaults/vault-77", user),
        "a page of 100 vaults": ("/groups/group-7/vaults", user),
        "a page of 100 with a tag": ("/groups/group-7/vaults?tags=even", user),
        "a group's 500 vaults, for a node": ("/dataplane/v1/vaults", node),
    }
    rows = []
    for name, (path, headers) in subjects.items():
        one = _timed(url + path, headers, clients=1)
        many = _timed(url + path, headers, clients=CLIENTS)
        rows.append(
            [name, *(f"{figure * 1000:.1f}" for timed in (one, many) for figure in (_p(timed, 50), _p(timed, 95)))]
        )
    header = ["", "ms, median", "p95", f"ms, {CLIENTS} clients, median", "p95"]
    table(f"The manager: {GROUPS * VAULTS_PER_GROUP:,} vaults, {NODES} waiting nodes, PostgreSQL", header, rows)


def _timed(
    url: str, headers: dict[str, str], *, clients: int, before: Callable[[], object] = lambda: None
) -> list[float]:
    figures: list[float] = []

    def read() -> None:
        with httpx.Client(headers=headers, timeout=60) as client:
            for _ in range(READS // clients):
                before()
                began = time.perf_counter()
                assert client.get(url).status_code == 200
                figures.append(time.perf_counter() - began)

    threads = [threading.Thread(target=read) for _ in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return figures


def _p(figures: list[float], percent: int) -> float:
    return statistics.quantiles(figures, n=100)[percent - 1]


def _change(url: str, token: str) -> float:
    began = time.monotonic()
    headers = {"Authorization": f"Bearer {token}"}
    answer = httpx.patch(f"{url}/groups/group-0/vaults/vault-0", json={"description": "new"}, headers=headers)
    assert answer.status_code == 200, answer.text
    return began


if __name__ == "__main__":
    main()
