"""What is read when somebody asks: counts, how the resources stand, how the manager does."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from time import time

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kong_vault_py.status import Counts, ManagerStatus, ResourceStatus
from kong_vault_py.strategies.registry import strategy_names
from kong_vault_py.vault import Vault

__all__ = ["collector"]

#: What stands for a prefix that is nobody's, and for a vault that came with a request.
_OTHER = "other"
_NONE = "none"


def collector(vault: Vault) -> Collector:
    """Return what shows a vault's state each time a registry is asked."""
    return _VaultCollector(vault)


@dataclass
class _Group:
    """The resources of one vault, taken together."""

    kept: int = 0
    failing: int = 0
    oldest_s: float = 0.0
    overdue_s: float = 0.0

    def take(self, resource: ResourceStatus) -> None:
        self.kept += 1
        self.failing += resource.failures > 0
        self.oldest_s = max(self.oldest_s, resource.age_s or 0.0)
        self.overdue_s = max(self.overdue_s, -(resource.refresh_in_s or 0.0))


class _VaultCollector(Collector):
    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        status = self._vault.status()
        yield from _of_counts(status.counts)
        known = {entity.prefix for entity in self._vault.entities()} | set(strategy_names())
        groups: dict[tuple[str, str], _Group] = defaultdict(_Group)
        for resource in status.resources:
            prefix = resource.prefix if resource.prefix in known else _OTHER
            groups[resource.strategy or _NONE, prefix].take(resource)
        yield from _of_groups(groups)
        if status.manager is not None:
            yield from _of_manager(status.manager)


def _of_counts(counts: Counts) -> Iterator[Metric]:
    for name, value, text in (
        ("kong_vault_cache_hits", counts.hits, "Look-ups that the cache served."),
        ("kong_vault_cache_misses", counts.misses, "Look-ups that it could not serve."),
        ("kong_vault_fetches", counts.fetches, "Fetches from vaults, of one resource each."),
        ("kong_vault_fetch_failures", counts.failures, "Fetches that failed, absent secrets included."),
        ("kong_vault_cache_evictions", counts.evictions, "Values that had to go to make room."),
    ):
        yield CounterMetricFamily(name, text, value=value)


def _of_groups(groups: dict[tuple[str, str], _Group]) -> Iterator[Metric]:
    for name, attribute, text in (
        ("kong_vault_resources", "kept", "Resources kept."),
        ("kong_vault_resources_failing", "failing", "Resources whose last fetch failed; old values are served."),
        ("kong_vault_value_age_seconds", "oldest_s", "Age of the oldest value."),
        ("kong_vault_refresh_overdue_seconds", "overdue_s", "By how much the latest refresh is overdue."),
    ):
        family = GaugeMetricFamily(name, text, labels=["strategy", "prefix"])
        for labels, group in sorted(groups.items()):
            family.add_metric(list(labels), getattr(group, attribute))
        yield family


def _of_manager(manager: ManagerStatus) -> Iterator[Metric]:
    yield GaugeMetricFamily("kong_vault_sync_connected", "The manager answers: 1, or 0.", value=manager.connected)
    if manager.last_sync_age_s is not None:
        yield GaugeMetricFamily(
            "kong_vault_sync_last_success_timestamp_seconds",
            "When the manager answered last.",
            value=round(time() - manager.last_sync_age_s, 3),
        )
    if manager.revision is not None:
        yield GaugeMetricFamily(
            "kong_vault_sync_revision", "Revision of the vault entities in use.", value=manager.revision
        )
        yield GaugeMetricFamily(
            "kong_vault_sync_vaults", "Vault entities that the manager brought.", value=manager.vaults
        )
    yield GaugeMetricFamily(
        "kong_vault_audit_waiting", "Audit entries on their way to the manager.", value=manager.audit_waiting
    )
    yield CounterMetricFamily(
        "kong_vault_audit_dropped", "Audit entries that it never got.", value=manager.audit_dropped
    )
