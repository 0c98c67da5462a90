"""Several workers behind one socket are one server: instances, Steps, deaths and the end."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.pluginserver.kong_client import Kong, Wire
from tests.pluginserver.server_process import SERVED, PluginServer, run
from tests.servers.polling import wait_until

HEADER = ["call", "kong.request.get_header", "x"]


class Prefork:
    """A server with two workers, and a connection to each."""

    def __init__(self, server: PluginServer) -> None:
        self.server = server
        self.kong = Kong(server.path, connections=1)
        self.wires: dict[int, Wire] = {}
        self.find_wires()

    def find_wires(self) -> None:
        """Open connections until there is one to each worker."""
        self.wires.clear()

        def found() -> bool:
            wire = self.kong.open()
            self.wires[wire.ask("GetStatus", None)[1]["Pid"]] = wire
            return len(self.wires) == 2

        wait_until(found, "connections to both workers")

    def pair(self) -> tuple[Wire, Wire]:
        one, other = self.wires.values()
        return one, other


@pytest.fixture
def prefork(start_server: Callable[..., PluginServer]) -> Iterator[Prefork]:
    made = Prefork(start_server("--workers", 2))
    yield made
    made.kong.close()


def start(wire: Wire, *acts: object, plugin: str = "scripted") -> int:
    config = repr({"access": list(acts)}).replace("'", '"')
    error, result = wire.ask("StartInstance", {"Name": plugin, "Config": config})
    assert error is None, error
    return int(result["Id"])


def handle(wire: Wire, instance: int) -> tuple[object, dict]:
    return wire.ask("HandleEvent", {"InstanceId": instance, "EventName": "access"})


def test_an_instance_runs_in_every_worker(prefork: Prefork) -> None:
    one, other = prefork.pair()
    instance = start(one, HEADER)

    for wire in (one, other, other):
        _, result = handle(wire, instance)
        assert result["Data"]["Method"] == "kong.request.get_header"
        assert wire.ask("Step", {"EventId": result["EventId"], "Data": "v"})[1]["Data"] == "ret"


def test_a_step_finds_its_event_from_the_other_worker(prefork: Prefork) -> None:
    one, other = prefork.pair()
    instance = start(one, HEADER, ["catch", "kong.request.get_body"], ["report"])
    _, result = handle(one, instance)
    event = {"EventId": result["EventId"]}

    _, second = other.ask("Step", {**event, "Data": b"\xff bytes"})
    _, third = other.ask("StepError", {**event, "Data": "not now"})
    _, last = one.ask("Step", event)

    assert second["Data"]["Method"] == "kong.request.get_body"
    assert "not now" in str(third["Data"]["Args"])
    assert last["Data"] == "ret"


def test_a_closed_instance_is_closed_everywhere(prefork: Prefork) -> None:
    one, other = prefork.pair()
    instance = start(one)
    assert handle(other, instance)[1]["Data"] == "ret"

    _, told = other.ask("CloseInstance", instance)

    assert told["Id"] == instance
    for wire in (one, other):
        assert str(handle(wire, instance)[0]).startswith("no plugin instance #")
        assert str(wire.ask("CloseInstance", instance)[0]).startswith("no plugin instance #")


def test_kong_is_told_one_pid_whichever_worker_answers(prefork: Prefork) -> None:
    for wire in prefork.pair():
        assert wire.notifications == [["serverPid", prefork.server.pid]]


def test_a_dead_worker_is_replaced_and_knows_the_instances_again(prefork: Prefork) -> None:
    (dead, wire), (alive, survivor) = prefork.wires.items()
    instance = start(survivor, HEADER)
    _, lost = handle(wire, instance)

    os.kill(dead, signal.SIGKILL)

    with pytest.raises(EOFError):
        wire.message()
    # Its event ends closed, whether or not there is a new worker by now: an error that is a map fails the request.
    step = {"EventId": lost["EventId"]}
    answers = [survivor.ask("Step", step)]
    while answers[-1][0] is None:
        assert answers[-1][1]["Data"]["Method"] == "kong.log.err"
        assert len(answers) < 5
        answers.append(survivor.ask("Step", step))
    assert isinstance(answers[-1][0], dict)
    prefork.find_wires()
    assert alive in prefork.wires
    assert dead not in prefork.wires
    for each in prefork.wires.values():
        _, result = handle(each, instance)
        assert each.ask("Step", {"EventId": result["EventId"]})[1]["Data"] == "ret"
    assert "is started again" in prefork.server.log


def test_an_event_finishes_through_the_other_worker_while_the_server_ends(prefork: Prefork) -> None:
    one, other = prefork.pair()
    instance = start(one, HEADER)
    _, result = handle(one, instance)

    prefork.server.process.send_signal(signal.SIGTERM)
    wait_until(lambda: not prefork.server.path.exists(), "the end's begin")
    _, last = other.ask("Step", {"EventId": result["EventId"], "Data": "v"})

    assert last["Data"] == "ret"
    assert prefork.server.process.wait(timeout=20) == 0


def test_workers_do_not_outlive_a_killed_parent(prefork: Prefork) -> None:
    prefork.server.process.kill()
    prefork.server.process.wait()

    wait_until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in prefork.wires), "the workers' end")


def test_a_server_whose_workers_cannot_start_says_so(start_server: Callable[..., PluginServer], folder: Path) -> None:
    settings = folder / "settings.conf"
    settings.write_text("vault_nosuch_option = 1\nvault_py_entities = /nowhere/kong.yml\n")
    settings.chmod(0o600)
    ended = run("-d", SERVED, "--socket", folder / "s", "--workers", "2", "--settings", settings)

    assert ended.returncode == 1
    assert "Traceback" not in ended.stderr
    assert not (folder / "s").exists()
