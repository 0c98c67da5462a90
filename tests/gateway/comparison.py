"""Compares what our gateway says with what Kong said, where only the named differences are allowed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

# Where a recording depends on the machine, its clock or Nginx's own state. Paths run through decoded JSON texts;
# [] stands for any index. Everything else must be equal; identifiers must correspond one to one.
TOLERATED = {
    "created_at": "clock",
    "updated_at": "clock",
    "port": "our upstream's port is any free one",
    "headers.Host": "the upstream's port, likewise",
    "headers.X-Forwarded-Port": "our gateway's port is any free one",
    "request.url": "our gateway's port",
    "request.size": "Nginx counts bytes on the wire",
    "response.size": "Nginx counts bytes on the wire",
    "response.headers.content-length": "the upstream's body holds its port",
    "response.headers.date": "clock",
    "response.headers.server": "the recorded upstream's software",
    "response.headers.x-kong-proxy-latency": "clock",
    "response.headers.x-kong-upstream-latency": "clock",
    "latencies.kong": "clock",
    "latencies.proxy": "clock",
    "latencies.receive": "clock",
    "latencies.request": "clock",
    "started_at": "clock",
    "tries[].balancer_start": "clock",
    "tries[].balancer_start_ns": "clock",
    "tries[].balancer_latency": "clock",
    "tries[].balancer_latency_ns": "clock",
    "workers_lua_vms[].http_allocated_gc": "Lua's memory",
    "workers_lua_vms[].pid": "process id",
    "lua_shared_dicts": "Nginx's shared memory zones: names and sizes are the installation's",
}

_IDENTIFIER = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")


class Comparison:
    """Collects differences; remembers which of our identifiers stands for which recorded one."""

    def __init__(self) -> None:
        self.differences: list[str] = []
        self.tolerated: set[str] = set()
        self._ours_of: dict[str, str] = {}
        self._recorded_of: dict[str, str] = {}

    def compare(self, recorded: Any, ours: Any, path: str = "") -> None:
        recorded, ours = _opened(recorded), _opened(ours)
        rule = next((rule for rule in TOLERATED if path == rule or path.endswith("." + rule)), None)
        if rule is not None:
            self.tolerated.add(rule)
            if type(recorded) is not type(ours):
                self._differ(path, f"{type(recorded).__name__} is {type(ours).__name__} with us")
        elif isinstance(recorded, Mapping) and isinstance(ours, Mapping):
            self._compare_tables(recorded, ours, path)
        elif isinstance(recorded, list) and isinstance(ours, list) and len(recorded) == len(ours):
            for one, other in zip(recorded, ours, strict=True):
                self.compare(one, other, path + "[]")
        elif isinstance(recorded, str) and isinstance(ours, str):
            self._compare_texts(recorded, ours, path)
        elif recorded != ours or type(recorded) is not type(ours):
            self._differ(path, f"{recorded!r} is {ours!r} with us")

    def _compare_tables(self, recorded: Mapping[str, Any], ours: Mapping[str, Any], path: str) -> None:
        if set(recorded) != set(ours):
            self._differ(path, f"keys {sorted(recorded)} are {sorted(ours)} with us")
        # The order of headers is the order on the wire; that of Lua tables is none.
        if path.endswith("headers") and "Via" in recorded and list(recorded) != list(ours):
            self._differ(path, f"order {list(recorded)} is {list(ours)} with us")
        for key in set(recorded) & set(ours):
            self.compare(recorded[key], ours[key], f"{path}.{key}" if path else str(key))

    def _compare_texts(self, recorded: str, ours: str, path: str) -> None:
        ids, our_ids = _IDENTIFIER.findall(recorded), _IDENTIFIER.findall(ours)
        if len(ids) != len(our_ids) or _IDENTIFIER.sub("ID", recorded) != _IDENTIFIER.sub("ID", ours):
            self._differ(path, f"{recorded!r} is {ours!r} with us")
            return
        for one, other in zip(ids, our_ids, strict=True):
            if self._ours_of.setdefault(one, other) != other or self._recorded_of.setdefault(other, one) != one:
                self._differ(path, f"identifier {one} is {other} here, and another one elsewhere")

    def _differ(self, path: str, text: str) -> None:
        self.differences.append(f"{path or 'message'}: {text}")


def _opened(value: Any) -> Any:
    """Return the JSON inside a text, bytes as the recordings write them, everything else as it is."""
    if isinstance(value, bytes):
        return {"__bin__": _opened(value.decode("utf-8", "surrogateescape"))}
    if isinstance(value, str) and value.startswith("{") and value.endswith("}") and not value.startswith("{vault"):
        return json.loads(value)
    return value
