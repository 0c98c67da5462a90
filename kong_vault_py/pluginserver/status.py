"""What the server tells of itself: for its status socket, for SIGUSR1, and to its other workers."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.instances import Instances
    from kong_vault_py.pluginserver.making import Maker
    from kong_vault_py.pluginserver.timing import Timings

__all__ = ["Observed", "together"]


class Observed:
    """This process, as it is told. Holds no config and no value.

    Args:
        instances, events, maker: the process's own.
        timings: of its phases, where they are measured.
    """

    def __init__(self, instances: Instances, events: Events, maker: Maker, timings: Timings | None) -> None:
        self._instances = instances
        self._events = events
        self._maker = maker
        self._timings = timings
        self._began = time.monotonic()
        #: Of instances that are gone.
        self._past: dict[tuple[str, str], tuple[int, int]] = {}
        instances.leaving = self._remember

    def status(self) -> dict[str, Any]:
        """Return plain data for JSON and MessagePack."""
        events = self._events
        return {
            "pid": os.getpid(),
            "up_s": round(time.monotonic() - self._began, 3),
            "instances": {name: len(ids) for name, ids in self._instances.status().items()},
            "events_in_flight": events.in_flight,
            "oldest_event_s": events.oldest_s(),
            "events_refused": events.refused,
            "phases": self._phases(),
            "pdk_calls": self._pdk_calls(),
        }

    def _phases(self) -> list[dict[str, Any]]:
        """Return a row per phase of each plugin, those that took most time first."""
        counts = dict(self._past)
        for phases in self._instances.phases.values():
            for phase in phases.values():
                events, failures = counts.get((phase.plugin, phase.name), (0, 0))
                counts[phase.plugin, phase.name] = events + phase.events, failures + phase.failures
        rows: list[dict[str, Any]] = []
        for (plugin, name), (events, failures) in counts.items():
            if events or failures:
                row: dict[str, Any] = {"plugin": plugin, "phase": name, "events": events, "failures": failures}
                timing = self._timings.known.get((plugin, name)) if self._timings else None
                if timing is not None and timing.count:
                    row |= {
                        "total_s": timing.total_s,
                        "average_s": timing.total_s / timing.count,
                        "slowest_s": timing.slowest_s,
                    }
                rows.append(row)
        return sorted(rows, key=lambda row: (-row.get("total_s", 0.0), row["plugin"], row["phase"]))

    def _pdk_calls(self) -> dict[str, int]:
        """Return how often each PDK function was asked, the most frequent first."""
        calls: dict[str, int] = {}
        for tree in self._maker.trees.values():
            for path, count in tree.__counted__:
                calls[path] = calls.get(path, 0) + count
        return dict(sorted(calls.items(), key=lambda item: (-item[1], item[0])))

    def _remember(self, phases: dict[str, Any]) -> None:
        for phase in phases.values():
            events, failures = self._past.get((phase.plugin, phase.name), (0, 0))
            self._past[phase.plugin, phase.name] = events + phase.events, failures + phase.failures


def together(statuses: list[dict[str, Any]]) -> dict[str, Any]:
    """Return several workers' statuses as one: sums, and the workers one by one."""
    instances: dict[str, int] = {}
    calls: dict[str, int] = {}
    phases: dict[tuple[str, str], dict[str, Any]] = {}
    for status in statuses:
        for name, count in status["instances"].items():
            instances[name] = instances.get(name, 0) + count
        for path, count in status["pdk_calls"].items():
            calls[path] = calls.get(path, 0) + count
        for row in status["phases"]:
            _add(phases.setdefault((row["plugin"], row["phase"]), {**row, "events": 0, "failures": 0}), row)
    return {
        "workers": [{key: value for key, value in status.items() if key not in _SUMMED} for status in statuses],
        "instances": instances,
        "events_in_flight": sum(status["events_in_flight"] for status in statuses),
        "oldest_event_s": max(status["oldest_event_s"] for status in statuses),
        "events_refused": sum(status["events_refused"] for status in statuses),
        "phases": sorted(phases.values(), key=lambda row: (-row.get("total_s", 0.0), row["plugin"], row["phase"])),
        "pdk_calls": dict(sorted(calls.items(), key=lambda item: (-item[1], item[0]))),
    }


_SUMMED = frozenset({"instances", "phases", "pdk_calls"})


def _add(total: dict[str, Any], row: dict[str, Any]) -> None:
    before = total["events"]
    total["events"] += row["events"]
    total["failures"] += row["failures"]
    if "total_s" in row and before:
        total["total_s"] = total.get("total_s", 0.0) + row["total_s"]
        total["slowest_s"] = max(total.get("slowest_s", 0.0), row["slowest_s"])
    if "total_s" in total and total["events"]:
        total["average_s"] = total["total_s"] / total["events"]
