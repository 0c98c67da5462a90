"""The memory strategy: a cache in the plugin server's process, shared by all instances that name it."""

from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable

from cachetools import TLRUCache

__all__ = ["MemoryStorage"]

# What a key, an entry and their places in the cache cost besides the value itself, roughly.
_OVERHEAD_BYTES = 512

_shared: weakref.WeakValueDictionary[tuple[str, int], MemoryStorage] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


class MemoryStorage:
    """Packed responses in memory: the least recently used ones go first when it is full.

    Values are immutable bytes, so no request can change what another one reads.

    Args:
        size_bytes: memory for everything together; a value that is larger on its own isn't stored.
        clock: monotonic seconds; tests tick their own.
    """

    def __init__(self, size_bytes: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._lock = threading.Lock()
        self._size_bytes = size_bytes
        self._cache: TLRUCache[str, tuple[bytes, float]] = TLRUCache(
            size_bytes,
            ttu=lambda _key, value, now: now + value[1],
            timer=clock,
            getsizeof=lambda value: _cost_bytes(value[0]),
        )

    @classmethod
    def shared(cls, name: str, size_bytes: int) -> MemoryStorage:
        """Return the process's storage of that name and size; it lives as long as a plugin instance holds it."""
        with _shared_lock:
            found = _shared.get((name, size_bytes))
            if found is None:
                found = _shared[name, size_bytes] = cls(size_bytes)
            return found

    def fetch(self, key: str) -> bytes | None:
        """Return the value, ``None`` where there is none or its time is over."""
        with self._lock:
            found = self._cache.get(key)
        return None if found is None else found[0]

    def store(self, key: str, value: bytes, kept_s: float) -> None:
        """Keep the value for ``kept_s`` seconds, if it fits at all."""
        with self._lock:
            if _cost_bytes(value) > self._size_bytes:
                self._cache.pop(key, None)
            else:
                self._cache[key] = (value, kept_s)


def _cost_bytes(value: bytes) -> int:
    return len(value) + _OVERHEAD_BYTES
