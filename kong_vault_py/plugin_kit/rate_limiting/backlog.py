"""What Redis doesn't know yet: sent in the background, by one thread while there is something to send."""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Callable, Mapping

from kong_vault_py.errors import UnavailableError, VaultError
from kong_vault_py.plugin_kit.rate_limiting.health import Health
from kong_vault_py.plugin_kit.rate_limiting.redis_counts import RedisCounts
from kong_vault_py.plugin_kit.rate_limiting.table import CounterTable, Key, Unsent
from kong_vault_py.plugin_kit.rate_limiting.windows import Count

__all__ = ["Backlog"]

log = logging.getLogger(__name__)

#: Keys that wait to be sent; beyond, keys are only counted here.
_MAX_KEYS = 65_536
_RETRY_S = 1.0


class Backlog:
    """The keys that were counted in the table and not in Redis.

    Its thread doesn't keep it alive: it ends with the plugin instance, even if Redis never comes back.

    Args:
        table: where they were counted.
        redis: where they are to be.
        health: told after each try.
        interval_s: seconds between two turns.
        clock: Unix time.
    """

    def __init__(
        self,
        table: CounterTable,
        redis: RedisCounts,
        health: Health,
        interval_s: float,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._table = table
        self._redis = redis
        self._health = health
        self._interval_s = interval_s
        self._clock = clock
        self._lock = threading.Lock()
        self._touched: dict[Key, None] = {}
        self._running = False
        self._ahead_s = 0.0

    def now_s(self) -> float:
        """Return the time by Redis' clock, as far as it is known."""
        return self._clock() + self._ahead_s

    def touch(self, key: Key) -> None:
        """Note that a key has been counted."""
        with self._lock:
            if len(self._touched) < _MAX_KEYS:
                self._touched[key] = None

    def start(self) -> None:
        """Begin to send, until there is nothing to send; not in the constructor, whose process may fork."""
        with self._lock:
            if self._running or not self._touched:
                return
            self._running = True
        arguments = (weakref.ref(self), self._interval_s)
        threading.Thread(target=_send_on, args=arguments, name="rate-limiting-backlog", daemon=True).start()

    def turn(self) -> float | None:
        """Send what there is; return the seconds to the next turn, ``None`` if there was nothing to send."""
        with self._lock:
            if not self._touched:
                self._running = False
                return None
        try:
            self._send()
        except VaultError as error:
            self._health.heard(error)
        except Exception as error:
            # The thread has to live: without it nothing would be sent again.
            log.exception("counters could not be sent")
            self._health.heard(UnavailableError(f"counters could not be sent to Redis: {type(error).__name__}"))
        else:
            self._health.heard(None)
            return self._interval_s
        return max(self._interval_s, _RETRY_S)

    def _send(self) -> None:
        """Send everything once; what fails waits for the next time."""
        with self._lock:
            touched, self._touched = self._touched, {}
        now_s = self.now_s()
        taken: dict[Key, Unsent] = {key: self._table.take(key, now_s) for key in touched}

        def learn(key: Key, known: Mapping[float, Count], now_s: float) -> None:
            del taken[key]
            self._ahead_s = now_s - self._clock()
            self._table.learn(key, known, now_s)

        try:
            self._redis.merge(taken, learn)
        finally:
            for key, unsent in taken.items():
                if unsent:
                    self._table.give_back(key, unsent)
                    self.touch(key)


def _send_on(reference: weakref.ref[Backlog], pause_s: float | None) -> None:
    while pause_s is not None:
        time.sleep(pause_s)
        backlog = reference()
        if backlog is None:
            return
        pause_s = backlog.turn()
        del backlog
