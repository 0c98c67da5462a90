"""Prometheus metrics of the agent: what it was asked, what it asked the vaults, and how its resources stand."""

from __future__ import annotations

from collections import Counter as Tally
from collections.abc import Iterator

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kong_vault_py.status import FetchEvent
from kong_vault_py.vault import Vault

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_FETCH_BUCKETS_S = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_LATE_BUCKETS_S = (0.01, 0.1, 0.5, 1.0, 5.0, 30.0, 60.0, 300.0)


class Metrics:
    """Counts, and renders the page. It is the vault's observer. Labels never hold a reference: they are too many."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "kong_vault_agent_requests", "Requests answered.", ("route", "status"), registry=self._registry
        )
        self._fetches = Histogram(
            "kong_vault_fetch_seconds",
            "Time a fetch from a vault took.",
            ("strategy", "outcome"),
            buckets=_FETCH_BUCKETS_S,
            registry=self._registry,
        )
        self._late = Histogram(
            "kong_vault_refresh_late_seconds",
            "Time from when a refresh was due to when it began.",
            ("strategy",),
            buckets=_LATE_BUCKETS_S,
            registry=self._registry,
        )
        self._changes = Counter(
            "kong_vault_changes", "Refreshes that brought a new value.", ("strategy",), registry=self._registry
        )
        self._by_answer: dict[tuple[str, int], Counter] = {}

    def watch(self, vault: Vault) -> None:
        """Show how a vault stands, each time the page is asked for."""
        self._registry.register(_VaultCollector(vault))

    def answered(self, route: str, status: int) -> None:
        """Count an answer."""
        found = self._by_answer.get((route, status))
        if found is None:
            found = self._by_answer[route, status] = self._requests.labels(route, str(status))
        found.inc()

    def fetched(self, event: FetchEvent) -> None:
        """Note a fetch."""
        strategy = event.strategy or "none"
        self._fetches.labels(strategy, event.outcome).observe(event.duration_s)
        if event.late_s is not None:
            self._late.labels(strategy).observe(event.late_s)
        if event.changed:
            self._changes.labels(strategy).inc()

    def page(self) -> bytes:
        """Return the page in Prometheus' text format."""
        return generate_latest(self._registry)


class _VaultCollector(Collector):
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        status = self._vault.status()
        counts = status.counts
        for name, value, text in (
            ("kong_vault_cache_hits", counts.hits, "Look-ups that the cache served."),
            ("kong_vault_cache_misses", counts.misses, "Look-ups that it could not serve."),
            ("kong_vault_fetches", counts.fetches, "Fetches from vaults, of one resource each."),
            ("kong_vault_fetch_failures", counts.failures, "Fetches that failed, absent secrets included."),
            ("kong_vault_cache_evictions", counts.evictions, "Values that had to go to make room."),
        ):
            yield CounterMetricFamily(name, text, value=value)
        kept: Tally[str] = Tally()
        failing: Tally[str] = Tally()
        overdue: dict[str, float] = {}
        for resource in status.resources:
            strategy = resource.strategy or "none"
            kept[strategy] += 1
            failing[strategy] += resource.failures > 0
            overdue[strategy] = max(overdue.get(strategy, 0.0), -(resource.refresh_in_s or 0.0))
        for name, values, text in (
            ("kong_vault_resources", kept, "Resources kept."),
            ("kong_vault_resources_failing", failing, "Resources whose last fetch failed; old values are served."),
            ("kong_vault_refresh_overdue_seconds", overdue, "By how much the latest refresh is overdue."),
        ):
            family = GaugeMetricFamily(name, text, labels=["strategy"])
            for strategy in sorted(values):
                family.add_metric([strategy], values[strategy])
            yield family
