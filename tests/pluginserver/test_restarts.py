"""Servers that are killed, replaced and reloaded while requests run; Kong's side is played as mp_rpc.lua plays it."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import stat
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.running import kong_vault
from tests.pluginserver.kong_client import Kong, Outcome
from tests.pluginserver.server_process import SERVED, PluginServer, run
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]
Start = Callable[..., PluginServer]


class Route:
    """One route of a gateway: starts its instance when the server doesn't know it, and connects again when it must."""

    def __init__(self, path: Path, name: str) -> None:
        self.name = name
        self.answered: list[str] = []
        self.lost = 0
        self._path = path
        self._kong: Kong | None = None
        self._instance = 0
        self._pid = 0

    def request(self) -> None:
        """Make a request; whatever is lost on the way is counted."""
        try:
            self._kong = self._kong or Kong(self._path, connections=1)
            outcome = self._event(self._kong)
        except (EOFError, OSError):
            self.lost += 1
            if self._kong is not None:
                self._kong.close()
            self._kong = None
            return
        if outcome.end == "ret":
            self.answered += [args[1] for method, args in outcome.calls if method == "kong.response.set_header"]

    def close(self) -> None:
        if self._kong is not None:
            self._kong.close()

    def _event(self, kong: Kong) -> Outcome:
        outcome = kong.event(self._instance, "access")
        if "no plugin instance" in str(outcome.error):
            script = [["call", "kong.request.get_header", "x"], ["call", "kong.response.set_header", "x", self.name]]
            self._instance = kong.start("scripted", access=script)
            outcome = kong.event(self._instance, "access")
        return outcome


@contextlib.contextmanager
def traffic(path: Path, count: int = 4):
    """Yield routes with requests running on each."""
    routes = [Route(path, f"config of route {number}") for number in range(count)]
    stop = threading.Event()

    def run_route(route: Route) -> None:
        while not stop.is_set():
            route.request()
            stop.wait(0.002)

    threads = [threading.Thread(target=run_route, args=[route]) for route in routes]
    for thread in threads:
        thread.start()
    try:
        yield routes
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        for route in routes:
            route.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_a_killed_and_restarted_server_never_answers_with_another_routes_config(
    start_server: Start, workers: int
) -> None:
    """The stock server counts its instances from 1 again: Kong's ids then name other routes' instances (Kong#8370)."""
    server = start_server("--workers", workers)
    with traffic(server.path) as routes:
        for _ in range(2):
            done = [len(route.answered) for route in routes]
            wait_until(
                lambda: all(len(route.answered) > before + 5 for route, before in zip(routes, done, strict=True)),  # noqa: B023
                "answers on every route",
            )
            server.process.kill()
            server.process.wait()
            server = start_server("--workers", workers)
        done = [len(route.answered) for route in routes]
        wait_until(
            lambda: all(len(route.answered) > before + 5 for route, before in zip(routes, done, strict=True)),
            "answers again",
        )

    for route in routes:
        assert set(route.answered) == {route.name}


@pytest.mark.parametrize("workers", [1, 2])
def test_kong_reload_loses_no_request(start_server: Start, workers: int) -> None:
    """At ``kong reload`` the new server takes the path while the old one still serves what it has."""
    old = start_server("--workers", workers)
    with traffic(old.path) as routes:
        wait_until(lambda: all(len(route.answered) > 5 for route in routes), "answers")

        new = start_server("--workers", workers)
        with contextlib.closing(Kong(new.path)) as kong:
            assert kong.wire().ask("GetStatus", None)[0] is None
        done = [len(route.answered) for route in routes]
        wait_until(
            lambda: all(len(route.answered) > before + 5 for route, before in zip(routes, done, strict=True)),
            "the old one's answers",
        )

    assert [route.lost for route in routes] == [0] * len(routes)
    assert old.stop() == 0
    assert new.path.exists()


def test_workers_take_the_path_over_when_they_are_ready_and_not_before(start_server: Start, folder: Path) -> None:
    old = start_server("--workers", 2)
    slow = folder / "slow"
    slow.mkdir()
    go = folder / "go"
    (slow / "slow.py").write_text(
        f"import os, time\nwhile not os.path.exists({str(go)!r}): time.sleep(0.01)\n"
        "class Plugin:\n    def __init__(self, config): pass\n    def access(self, kong): pass\n"
    )
    made: list[PluginServer] = []
    starter = threading.Thread(target=lambda: made.append(start_server("-d", slow, "--workers", 2)))
    starter.start()
    hidden = f".{old.path.name}.*"
    wait_until(lambda: any(folder.glob(hidden)), "the new server's hidden socket")

    with contextlib.closing(Kong(old.path)) as kong:
        assert kong.event(kong.start("scripted"), "access").end == "ret"
    go.touch()
    starter.join()

    with contextlib.closing(Kong(old.path)) as kong:
        assert kong.event(kong.start("slow"), "access").end == "ret"
    assert not any(folder.glob(hidden))


def test_an_instance_may_still_start_while_the_server_ends(start_server: Start) -> None:
    server = start_server()
    kong = Kong(server.path, connections=1)
    running = kong.start("scripted", access=[HEADER])
    wire = kong.wires[0]
    _, event = wire.ask("HandleEvent", {"InstanceId": running, "EventName": "access"})
    server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not server.path.exists(), "the end's begin")

    started = kong.start("scripted")

    assert kong.event(started, "access").end == "ret"
    assert wire.ask("Step", {"EventId": event["EventId"]})[1]["Data"] == "ret"
    assert server.stop() == 0
    kong.close()


def test_one_of_several_workers_is_the_nodes_agent(
    start_server: Start, settings_file: Callable[..., Path], folder: Path
) -> None:
    (folder / "secrets").mkdir()
    (folder / "secrets" / "token").write_text("opensesame")
    agent = folder / "agent.sock"
    settings = settings_file(vault_fs_prefix=folder / "secrets", vault_py_agent_socket=agent)
    server = start_server("--settings", settings, "--workers", 2, "--agent")
    asked = [kong_vault("get", "{vault://fs/token}", KONG_VAULT_PY_AGENT=str(agent)).stdout for _ in range(2)]
    assert asked == [b"opensesame\n"] * 2

    with contextlib.closing(Kong(server.path)) as kong:
        pids: set[int] = set()
        wait_until(
            lambda: pids.add(kong.open().ask("GetStatus", None)[1]["Pid"]) or len(pids) == 2, "both workers' pids"
        )
        for pid in pids:  # the agent's among them
            os.kill(pid, signal.SIGKILL)
    wait_until(lambda: server.log.count("is started again") == 2, "new workers")

    def answers() -> bool:
        return kong_vault("get", "{vault://fs/token}", KONG_VAULT_PY_AGENT=str(agent)).stdout == b"opensesame\n"

    wait_until(answers, "the agent's return")
    assert server.stop() == 0
    assert not agent.exists()


def test_a_folder_that_cannot_be_written_is_one_line_and_serving_writes_nothing(start_server: Start) -> None:
    ended = run("-d", SERVED, "--socket", "/proc/kong.sock")
    assert ended.returncode == 1
    assert "socket /proc/kong.sock: can't make it" in ended.stderr.splitlines()[-1]

    server = start_server()
    with contextlib.closing(Kong(server.path)) as kong:
        kong.event(kong.start("scripted", access=[HEADER]), "access")
        for descriptor in Path(f"/proc/{server.pid}/fd").iterdir():
            flags = int((Path(f"/proc/{server.pid}/fdinfo") / descriptor.name).read_text().split()[3], 8)
            if descriptor.name not in "12" and stat.S_ISREG(descriptor.stat().st_mode):
                assert flags & os.O_ACCMODE == os.O_RDONLY, descriptor.readlink()


def test_nothing_is_timed_by_the_wall_clock() -> None:
    """Clocks jump. Only what Kong is told, and when a config came, is a wall clock's."""
    package = Path(__file__).parents[2] / "kong_vault_py" / "pluginserver"

    uses = {file.name: file.read_text().count("time.time()") for file in package.glob("*.py")}

    assert {name: count for name, count in uses.items() if count} == {"instances.py": 2}


def test_a_client_that_connects_and_says_nothing_holds_up_nobody(kong: Kong) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(50)]
    for one in silent:
        one.connect(str(kong.path))

    assert kong.event(kong.start("scripted"), "access").end == "ret"
    for one in silent:
        one.close()
