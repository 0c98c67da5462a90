"""The redis strategy: responses in Redis, with credentials that may rotate at any time."""

from __future__ import annotations

import time
from collections.abc import Callable

from kong_vault_py.plugin_kit.redis_access import Bound, RedisAccess

__all__ = ["KEY_PREFIX", "RedisStorage"]

KEY_PREFIX = "kong_vault_py:proxy-cache:"


class RedisStorage:
    """Responses in Redis, by whoever may log in at the moment.

    Args:
        bound: the plugin's config; its ``redis`` section is used.
        clock: monotonic seconds; tests tick their own.
    """

    def __init__(self, bound: Bound, clock: Callable[[], float] = time.monotonic) -> None:
        self._access = RedisAccess(bound, clock)

    def fetch(self, key: str) -> bytes | None:
        """Return the value, ``None`` for none. Raises VaultError: see :class:`Storage`."""
        return self._access.run(lambda client: client.get(KEY_PREFIX + key))

    def store(self, key: str, value: bytes, kept_s: float) -> None:
        """Write the value and its time in one command. Raises VaultError: see :class:`Storage`."""
        self._access.run(lambda client: client.set(KEY_PREFIX + key, value, kept_s))
