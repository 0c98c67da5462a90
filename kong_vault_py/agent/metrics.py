"""Prometheus metrics of the agent: what it was asked, and those of its resolver."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, generate_latest

from kong_vault_py.metrics import HistogramObserver, collector
from kong_vault_py.status import FetchEvent
from kong_vault_py.vault import Vault

__all__ = ["CONTENT_TYPE", "Metrics"]

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """Counts, and renders the page. It is the vault's observer. Labels never hold a reference: they are too many."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "kong_vault_agent_requests", "Requests answered.", ("route", "status"), registry=self._registry
        )
        self._observer = HistogramObserver(self._registry)
        self._by_answer: dict[tuple[str, int], Counter] = {}

    def watch(self, vault: Vault) -> None:
        """Show how a vault stands, each time the page is asked for."""
        self._registry.register(collector(vault))

    def answered(self, route: str, status: int) -> None:
        """Count an answer."""
        found = self._by_answer.get((route, status))
        if found is None:
            found = self._by_answer[route, status] = self._requests.labels(route, str(status))
        found.inc()

    def fetched(self, event: FetchEvent) -> None:
        """Note a fetch."""
        self._observer.fetched(event)

    def page(self) -> bytes:
        """Return the page in Prometheus' text format."""
        return generate_latest(self._registry)
