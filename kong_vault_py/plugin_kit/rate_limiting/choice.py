"""From a config to its counters."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.rate_limiting.windows import Rule

if TYPE_CHECKING:
    from kong_vault_py.plugin_kit.rate_limiting.counters import Counters

__all__ = ["make_counters"]

_NEVER = -1
_SHORTEST_S = 0.02


def make_counters(config: Mapping[str, Any], rule: Rule) -> Counters:
    """Return the counters that ``strategy`` and ``sync_rate`` ask for. Nothing connects yet.

    Raises:
        ConfigError: the options contradict each other.
    """
    from kong_vault_py.plugin_kit.rate_limiting.counters import LocalCounters, PeriodicCounters, SharedCounters
    from kong_vault_py.plugin_kit.rate_limiting.table import TABLE

    # Kong's id of the plugin entity: for an external plugin what comes nearest to a generated namespace.
    namespace = config["namespace"] or config.get("__plugin_id") or uuid.uuid4().hex
    sync_rate_s = _checked_sync_rate_s(config["strategy"], config["sync_rate"])
    if sync_rate_s == _NEVER:
        return LocalCounters(rule, namespace, TABLE)

    from kong_vault_py.plugin import bind
    from kong_vault_py.plugin_kit.rate_limiting.redis_counts import RedisCounts
    from kong_vault_py.plugin_kit.redis_access import RedisAccess
    from kong_vault_py.plugin_kit.redis_settings import check_topology

    check_topology(config["redis"])
    redis = RedisCounts(RedisAccess(bind({"redis": config["redis"]})))
    tolerant = config["fault_tolerant"]
    if sync_rate_s == 0:
        return SharedCounters(rule, namespace, TABLE, redis, tolerant=tolerant)
    return PeriodicCounters(rule, namespace, TABLE, redis, tolerant=tolerant, sync_rate_s=sync_rate_s)


def _checked_sync_rate_s(strategy: str, sync_rate: float | None) -> float:
    if strategy == "local":
        if sync_rate not in (None, _NEVER):
            raise ConfigError("sync_rate is for the redis strategy; with local it can only be -1")
        return _NEVER
    if sync_rate is None:
        return 0
    if sync_rate in (_NEVER, 0) or sync_rate >= _SHORTEST_S:
        return sync_rate
    raise ConfigError(f"sync_rate is -1, 0, or at least {_SHORTEST_S} seconds")
