"""The server's status as Prometheus metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["ServerCollector"]

_PREFIX = "kong_vault_pluginserver_"


class ServerCollector(Collector):
    """Shows the server's state each time a registry is asked.

    Args:
        server: returns the server's part of the status.
    """

    def __init__(self, server: Callable[[], dict[str, Any]]) -> None:
        self._server = server

    def describe(self) -> list[Metric]:
        """Return nothing, so that registering asks nobody."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        status = self._server()
        yield GaugeMetricFamily(f"{_PREFIX}workers", "Processes that serve.", value=len(status["workers"]))
        yield GaugeMetricFamily(
            f"{_PREFIX}events_in_flight", "Events that are not over.", value=status["events_in_flight"]
        )
        yield CounterMetricFamily(
            f"{_PREFIX}events_refused", "Events that were one too many.", value=status["events_refused"]
        )
        instances = GaugeMetricFamily(f"{_PREFIX}instances", "Plugin instances.", labels=["plugin"])
        for plugin, count in sorted(status["instances"].items()):
            instances.add_metric([plugin], count)
        yield instances
        yield from _of_phases(status["phases"])
        calls = CounterMetricFamily(f"{_PREFIX}pdk_calls", "What plugins asked of Kong.", labels=["method"])
        for method, count in sorted(status["pdk_calls"].items()):
            calls.add_metric([method], count)
        yield calls


def _of_phases(rows: list[dict[str, Any]]) -> Iterator[Metric]:
    labels = ["plugin", "phase"]
    events = CounterMetricFamily(f"{_PREFIX}events", "Events begun.", labels=labels)
    failures = CounterMetricFamily(f"{_PREFIX}event_failures", "Those that raised or overran.", labels=labels)
    seconds = CounterMetricFamily(f"{_PREFIX}event_seconds", "Their time, Kong's share included.", labels=labels)
    slowest = GaugeMetricFamily(f"{_PREFIX}event_slowest_seconds", "The longest since the start.", labels=labels)
    for row in sorted(rows, key=lambda row: (row["plugin"], row["phase"])):
        named = [row["plugin"], row["phase"]]
        events.add_metric(named, row["events"])
        failures.add_metric(named, row["failures"])
        if "total_s" in row:
            seconds.add_metric(named, row["total_s"])
            slowest.add_metric(named, row["slowest_s"])
    yield from (events, failures, seconds, slowest)
