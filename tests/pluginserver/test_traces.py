"""The recordings of a real Kong with the stock server: ours gives Kong the same replies, frame by frame."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.pluginserver.kong_client import Kong, Wire
from tests.pluginserver.server_process import PluginServer

TRACES = sorted((Path(__file__).parents[1] / "traces").glob("*.jsonl"))

#: Makes the recorded PDK calls: the n-th event of a phase makes the calls of the n-th recorded one.
PLUGIN = """\
import collections
SCRIPT = {phase: collections.deque(events) for phase, events in %r.items()}

class Plugin:
    def __init__(self, config):
        pass

def make(phase):
    def run(self, kong):
        for method, arguments in SCRIPT[phase].popleft():
            node = kong
            for name in method.split(".")[1:]:
                node = getattr(node, name)
            node(*arguments)
    return run

for phase in SCRIPT:
    setattr(Plugin, phase, make(phase))
"""


def exchanges(trace: Path) -> Iterator[tuple[int, str, Any, Any]]:
    """Yield (connection, method, argument, recorded reply) in the order of Kong's requests."""
    messages = [json.loads(line) for line in trace.read_text().splitlines()]
    replies: dict[tuple[int, int], list[Any]] = defaultdict(list)
    for entry in messages:
        if "msg" in entry and entry["msg"][0] == 1:
            replies[entry["conn"], entry["msg"][1]].append(entry["msg"])
    for entry in messages:
        if "msg" in entry and entry["msg"][0] == 0:
            _, msgid, method, arguments = entry["msg"]
            waiting = replies[entry["conn"], msgid]
            yield entry["conn"], method.removeprefix("plugin."), arguments[0], waiting.pop(0) if waiting else None


def recorded_calls(trace: Path) -> dict[str, list[list[Any]]]:
    """Return, per phase, the PDK calls of each event that the recorded plugin ran."""
    script: dict[str, list[list[Any]]] = defaultdict(list)
    running: dict[Any, list[Any]] = {}
    for _conn, method, argument, reply in exchanges(trace):
        if reply is None or reply[2] is not None or not isinstance(reply[3], dict):
            continue
        if method == "HandleEvent":
            running[reply[3]["EventId"]] = []
            script[argument["EventName"]].append(running[reply[3]["EventId"]])
        data = reply[3].get("Data")
        if isinstance(data, dict):
            running[reply[3]["EventId"]].append((data["Method"], data["Args"]))
    return script


@pytest.mark.parametrize("trace", TRACES, ids=lambda trace: trace.stem)
def test_kong_gets_the_recorded_replies(trace: Path, folder: Path, start_server: Callable[..., PluginServer]) -> None:
    names = {argument["Name"] for _, method, argument, _ in exchanges(trace) if method == "StartInstance"}
    for name in names:
        (folder / f"{name}.py").write_text(PLUGIN % dict(recorded_calls(trace)))
    kong = Kong(start_server("-d", folder).path)
    wires: dict[int, Wire] = defaultdict(kong.open)
    ours: dict[tuple[str, Any], Any] = {}
    compared = 0

    for connection, method, argument, recorded in exchanges(trace):
        if recorded is None:
            continue
        if recorded[2] is not None:
            # The recorded server had been restarted: the id is of its predecessor.
            assert "no plugin instance" in recorded[2]
            assert "no plugin instance" in wires[connection].ask(method, argument)[0]
            continue
        error, result = wires[connection].ask(method, _renumbered(argument, ours))
        if method == "StartInstance":
            ours["InstanceId", recorded[3]["Id"]] = result["Id"]
        elif method == "HandleEvent":
            ours["EventId", recorded[3]["EventId"]] = result["EventId"]
        assert (error, _comparable(result)) == (None, _comparable(recorded[3]))
        compared += 1

    assert compared > 10
    kong.close()


def _renumbered(argument: Any, ours: dict[tuple[str, Any], Any]) -> Any:
    """Replace the recorded ids by those that our server gave."""
    if not isinstance(argument, dict):
        return ours.get(("InstanceId", argument), argument)
    return {key: ours.get((key, value), value) if key.endswith("Id") else value for key, value in argument.items()}


def _comparable(result: Any) -> Any:
    return {key: value for key, value in result.items() if key not in ("Id", "EventId", "StartTime")}
