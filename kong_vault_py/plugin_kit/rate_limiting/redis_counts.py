"""Counting in Redis: one round trip per request, and batches for what was counted without it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.plugin_kit.rate_limiting.scripts import COUNT, MERGE
from kong_vault_py.plugin_kit.rate_limiting.table import Key, Unsent
from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Rule, Tally, number_text
from kong_vault_py.plugin_kit.redis_access import RedisAccess

__all__ = ["KEY_PREFIX", "RedisCounts"]

KEY_PREFIX = "kong_vault_py:rate-limiting:"

_COUNT_SHA1 = hashlib.sha1(COUNT.encode(), usedforsecurity=False).hexdigest()
_BATCH = 100

#: Called with key, counts by window size, and Redis' time.
Learn = Callable[[Key, Mapping[float, Count], float], None]


class RedisCounts:
    """The counters that all gateways of one Redis share.

    An answer that is lost on its way may mean that a request counts twice, never that it doesn't count.

    Args:
        access: to Redis.
        clock: Unix time for tests; without, Redis' own.
    """

    def __init__(self, access: RedisAccess, clock: Callable[[], float] | None = None) -> None:
        self._access = access
        self._clock = clock

    def count(self, key: Key, rule: Rule) -> Tally:
        """Decide about a request and count it.

        Raises:
            VaultError: Redis can't be reached or refuses the user, or a reference can't be resolved.
        """
        arguments = [self._time(), "1" if rule.sliding else "0", "1" if rule.counts_denied else "0"]
        for requests, size_s in rule.limits:
            arguments += (number_text(size_s), number_text(requests))
        now_s, allowed, *fields = self._access.run(
            lambda client: client.run(lambda redis: _evaluated(redis, _redis_key(key), arguments))
        )
        return Tally(float(now_s), bool(allowed), tuple(map(_unpacked, fields)))

    def merge(self, taken: Mapping[Key, Unsent], learn: Learn) -> None:
        """Add what was counted elsewhere, and learn how each key stands now.

        Args:
            taken: requests per key and window.
            learn: called as soon as a key is merged.

        Raises:
            VaultError: see :meth:`count`. Keys that were not learned were not merged, unless an answer was lost.
        """
        waiting = [(key, unsent) for key, unsent in taken.items() if unsent]
        while waiting:
            self._merge(dict(waiting[:_BATCH]), learn)
            del waiting[:_BATCH]

    def _merge(self, batch: dict[Key, Unsent], learn: Learn) -> None:
        self._access.run(lambda client: client.run(lambda redis: self._send(redis, batch, learn)))

    def _send(self, redis: Any, batch: dict[Key, Unsent], learn: Learn) -> None:
        """Send what is left of a batch in one round trip. A Cluster's pipelines have no method for scripts."""
        pipeline = redis.pipeline(transaction=False)
        sent = [(key, sorted(unsent.items())) for key, unsent in batch.items()]
        for key, windows in sent:
            arguments = [self._time()]
            for (size_s, index), requests in windows:
                arguments += (number_text(size_s), str(index), str(requests))
            pipeline.execute_command("EVAL", MERGE, 1, _redis_key(key), *arguments)
        failure = None
        for (key, windows), answer in zip(sent, pipeline.execute(raise_on_error=False), strict=True):
            if isinstance(answer, Exception):
                failure = failure or answer
                continue
            now_s, *fields = answer
            sizes = (size_s for (size_s, _), _ in windows)
            learn(key, dict(zip(sizes, map(_unpacked, fields), strict=True)), float(now_s))
            del batch[key]
        if failure is not None:
            raise failure

    def _time(self) -> str:
        return "" if self._clock is None else repr(self._clock())


def _evaluated(redis: Any, key: str, arguments: Sequence[str]) -> Any:
    from redis.exceptions import NoScriptError

    try:
        return redis.evalsha(_COUNT_SHA1, 1, key, *arguments)
    except NoScriptError:
        return redis.eval(COUNT, 1, key, *arguments)


def _redis_key(key: Key) -> str:
    namespace, identifier = key
    return f"{KEY_PREFIX}{namespace}:{identifier}"


def _unpacked(field: bytes) -> Count:
    try:
        index, current, previous = map(int, field.split())
    except ValueError as error:
        raise InvalidResponseError("Redis answers the counting script with something else than counts") from error
    return Count(index, current, previous)
