"""The strategies: counters in this process, in Redis at every request, or here and in Redis from time to time."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Protocol

from kong_vault_py.errors import VaultError
from kong_vault_py.plugin_kit.rate_limiting.backlog import Backlog
from kong_vault_py.plugin_kit.rate_limiting.health import Health, Log
from kong_vault_py.plugin_kit.rate_limiting.redis_counts import RedisCounts
from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable
from kong_vault_py.plugin_kit.rate_limiting.windows import Rule, Tally

__all__ = ["Counters", "LocalCounters", "PeriodicCounters", "SharedCounters"]

# Between two tries to bring counts of an outage to Redis.
_RETRY_S = 1.0


class Counters(Protocol):
    """Counts requests of one namespace. Called from several threads or greenlets at once."""

    def count(self, identifier: str, log: Log) -> Tally:
        """Decide about a request and count it; a change of the storage's state is logged.

        Raises:
            VaultError: the counters are out of use, and that is not tolerated.
        """


class LocalCounters:
    """The local strategy, and redis with ``sync_rate`` -1: each process counts for itself."""

    def __init__(self, rule: Rule, namespace: str, table: CounterTable, clock: Callable[[], float] = time.time) -> None:
        self._rule = rule
        self._namespace = namespace
        self._table = table
        self._clock = clock

    def count(self, identifier: str, _log: Log) -> Tally:
        """Count in this process; never fails."""
        return self._table.count((self._namespace, identifier), self._rule, self._clock())


class _WithRedis:
    """What both ways to Redis share: how it is, and counting here."""

    def __init__(
        self,
        rule: Rule,
        namespace: str,
        table: CounterTable,
        redis: RedisCounts,
        *,
        tolerant: bool,
        interval_s: float,
        clock: Callable[[], float],
    ) -> None:
        self._rule = rule
        self._namespace = namespace
        self._table = table
        self._redis = redis
        self._health = Health(tolerant=tolerant)
        self._backlog = Backlog(table, redis, self._health, interval_s, clock)

    def _count_here(self, identifier: str) -> Tally:
        """Count in this process and note it for Redis.

        Raises:
            VaultError: Redis is out, and that is not tolerated.
        """
        self._health.check()
        key = self._namespace, identifier
        tally = self._table.count(key, self._rule, self._backlog.now_s(), unsent=True)
        self._backlog.touch(key)
        return tally


class SharedCounters(_WithRedis):
    """Redis at every request (``sync_rate`` 0): exact over all gateways.

    While Redis is out, one request per second tries it. The others, and that one too, are counted here, from what Redis
    said last; when it is back it gets those counts.

    Args:
        rule: the limits.
        namespace: whose counters.
        table: where is counted while Redis is out.
        redis: where is counted else.
        tolerant: count here while Redis is out; else such requests fail.
        clock: Unix time.
    """

    def __init__(
        self,
        rule: Rule,
        namespace: str,
        table: CounterTable,
        redis: RedisCounts,
        *,
        tolerant: bool,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(rule, namespace, table, redis, tolerant=tolerant, interval_s=_RETRY_S, clock=clock)

    def count(self, identifier: str, log: Log) -> Tally:
        """See :class:`Counters`."""
        tally = None if self._health.forbids() else self._asked(identifier)
        self._health.tell(log)
        return tally or self._count_here(identifier)

    def _asked(self, identifier: str) -> Tally | None:
        key = self._namespace, identifier
        try:
            tally = self._redis.count(key, self._rule)
        except VaultError as error:
            self._health.heard(error)
            return None
        known = {size_s: count for (_, size_s), count in zip(self._rule.limits, tally.counts, strict=True)}
        self._table.learn(key, known, tally.now_s)
        if not self._health.is_good:
            self._health.heard(None)
            self._backlog.start()
        return tally


class PeriodicCounters(_WithRedis):
    """Counts here, and brings that to Redis every ``sync_rate`` seconds: no request waits for Redis.

    Gateways learn of each other's requests at their next turn; until then, together they let more pass.

    Args:
        rule: the limits.
        namespace: whose counters.
        table: where is counted.
        redis: where the counts of all gateways are added up.
        tolerant: count here while Redis is out; else such requests fail.
        sync_rate_s: seconds between two turns.
        clock: Unix time.
    """

    def __init__(
        self,
        rule: Rule,
        namespace: str,
        table: CounterTable,
        redis: RedisCounts,
        *,
        tolerant: bool,
        sync_rate_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        super().__init__(rule, namespace, table, redis, tolerant=tolerant, interval_s=sync_rate_s, clock=clock)

    def count(self, identifier: str, log: Log) -> Tally:
        """See :class:`Counters`."""
        self._health.tell(log)
        try:
            return self._count_here(identifier)
        finally:
            self._backlog.start()
