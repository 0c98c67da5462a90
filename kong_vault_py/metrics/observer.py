"""What is measured as it happens: each fetch."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Histogram

from kong_vault_py.status import FetchEvent

__all__ = ["HistogramObserver"]

_FETCH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATE_BUCKETS_S = (0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0)


class HistogramObserver:
    """A vault's observer that counts and times its fetches.

    Args:
        registry: where the metrics go.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._fetches = Histogram(
            "kong_vault_fetch_seconds",
            "Time a fetch from a vault took.",
            ("strategy", "outcome"),
            buckets=_FETCH_BUCKETS_S,
            registry=registry,
        )
        self._late = Histogram(
            "kong_vault_refresh_late_seconds",
            "Time from when a refresh was due to when it began.",
            ("strategy",),
            buckets=_LATE_BUCKETS_S,
            registry=registry,
        )
        self._changes = Counter(
            "kong_vault_changes", "Refreshes that brought a new value.", ("strategy",), registry=registry
        )

    def fetched(self, event: FetchEvent) -> None:
        """Note a fetch."""
        strategy = event.strategy or "none"
        self._fetches.labels(strategy, event.outcome).observe(event.duration_s)
        if event.late_s is not None:
            self._late.labels(strategy).observe(event.late_s)
        if event.changed:
            self._changes.labels(strategy).inc()
