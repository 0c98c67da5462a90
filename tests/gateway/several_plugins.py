"""A server with several plugins that does as told and notes which of them ran when."""

from __future__ import annotations

from typing import Any

from tests.gateway.dumps import DUMP
from tests.gateway.server_double import Request, ScriptedPlugin


class Plugins:
    """A server with several plugins, which notes each event as ``name phase``."""

    def __init__(self) -> None:
        self.script = ScriptedPlugin()
        self.names: dict[int, str] = {}
        self.events: list[str] = []
        self.exits: dict[str, tuple[Any, ...]] = {}
        self._started = 0

    def __call__(self, request: Request) -> bytes | None:
        if request.method == "plugin.StartInstance":
            self.names[self._started] = request.argument["Name"]
            self._started += 1
        if request.method == "plugin.HandleEvent":
            event = f"{self.names[request.argument['InstanceId']]} {request.argument['EventName']}"
            self.events.append(event)
            self.script.events = {request.argument["EventName"]: [self.exits[event]] if event in self.exits else []}
        return self.script(request)


def dump(**priorities: int) -> list[dict[str, Any]]:
    return [{**DUMP[0], "Name": name, "Priority": priority} for name, priority in priorities.items()]
