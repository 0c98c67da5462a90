"""The manager's metrics, in a registry of its own."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

__all__ = ["Metrics"]

_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10, 30, 60)
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Metrics:
    """Counts requests by route, never by what is in a path: a group's or a secret's name is no label.

    Args:
        waiting: how many nodes wait for a change now.
    """

    def __init__(self, waiting: Callable[[], int]) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "kong_vault_manager_requests",
            "Requests answered.",
            ["method", "route", "status"],
            registry=self.registry,
        )
        self._duration = Histogram(
            "kong_vault_manager_request_duration_seconds",
            "Time to answer a request, long polls included.",
            ["route"],
            buckets=_BUCKETS_S,
            registry=self.registry,
        )
        gauge = Gauge("kong_vault_manager_waiting_nodes", "Nodes that wait for a change.", registry=self.registry)
        gauge.set_function(waiting)

    def request(self, method: str, route: str, status: int, duration_s: float) -> None:
        """Count a request."""
        self._requests.labels(method if method in _METHODS else "other", route, str(status)).inc()
        self._duration.labels(route).observe(duration_s)
