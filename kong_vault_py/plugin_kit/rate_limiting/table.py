"""The process's table of counters: bounded, and shared by all instances, so that one namespace is one count."""

from __future__ import annotations

import math
import threading
from collections import OrderedDict
from collections.abc import Mapping

from kong_vault_py.plugin_kit.rate_limiting.windows import Count, Rule, Tally, rolled

__all__ = ["TABLE", "CounterTable", "Key", "Unsent"]

#: Namespace, and whose requests are counted.
Key = tuple[str, str]
#: Window size in seconds and the window's index -> requests that Redis doesn't know yet.
Unsent = dict[tuple[float, int], int]

_MAX_ENTRIES = 65_536


class _Entry:
    """All windows of one key."""

    __slots__ = ("counts", "expires_s", "unsent")

    def __init__(self) -> None:
        self.counts: dict[float, Count] = {}
        self.unsent: Unsent = {}
        self.expires_s = 0.0


class CounterTable:
    """Counts by key. When it is full, the keys that have been quiet for longest are forgotten.

    Args:
        max_entries: keys at most.
    """

    def __init__(self, max_entries: int = _MAX_ENTRIES) -> None:
        self._lock = threading.Lock()
        self._max_entries = max_entries
        self._entries: OrderedDict[Key, _Entry] = OrderedDict()

    def __len__(self) -> int:
        return len(self._entries)

    def count(self, key: Key, rule: Rule, now_s: float, *, unsent: bool = False) -> Tally:
        """Decide about a request and count it.

        Args:
            key: whose request.
            rule: its limits.
            now_s: Unix time.
            unsent: note it for :meth:`take`.
        """
        with self._lock:
            entry = self._entry(key, rule.longest_s, now_s)
            before = [rolled(entry.counts.get(size_s), size_s, now_s) for _, size_s in rule.limits]
            allowed = rule.allows(before, now_s)
            if not allowed and not rule.counts_denied:
                return Tally(now_s, False, tuple(before))
            counts = tuple(Count(count.window, count.current + 1, count.previous) for count in before)
            for (_, size_s), count in zip(rule.limits, counts, strict=True):
                entry.counts[size_s] = count
                if unsent:
                    window = size_s, count.window
                    entry.unsent[window] = entry.unsent.get(window, 0) + 1
        return Tally(now_s, allowed, counts)

    def take(self, key: Key, now_s: float) -> Unsent:
        """Return what Redis doesn't know of a key, and forget it here.

        Windows without news have 0; those that are over, and don't count any more, are left out.
        """
        with self._lock:
            entry = self._entries.get(key)
            if entry is None:
                return {}
            taken = {(size_s, count.window): 0 for size_s, count in entry.counts.items()} | entry.unsent
            entry.unsent = {}
        return {
            (size_s, index): requests
            for (size_s, index), requests in taken.items()
            if index >= math.floor(now_s / size_s) - 1
        }

    def give_back(self, key: Key, taken: Unsent) -> None:
        """Undo :meth:`take`: it could not be sent."""
        with self._lock:
            entry = self._entries.get(key)
            if entry is not None:
                for window, requests in taken.items():
                    entry.unsent[window] = entry.unsent.get(window, 0) + requests

    def learn(self, key: Key, known: Mapping[float, Count], now_s: float) -> None:
        """Take over what Redis knows, by window size; what it hasn't been sent yet comes on top."""
        with self._lock:
            entry = self._entry(key, max(known), now_s)
            for size_s, (index, current, previous) in known.items():
                current += entry.unsent.get((size_s, index), 0)
                previous += entry.unsent.get((size_s, index - 1), 0)
                entry.counts[size_s] = Count(index, current, previous)

    def _entry(self, key: Key, longest_s: float, now_s: float) -> _Entry:
        """Return the key's entry as the latest used one; a new one may push out old ones."""
        entry = self._entries.get(key)
        if entry is None:
            while self._entries and (len(self._entries) >= self._max_entries or self._oldest().expires_s <= now_s):
                self._entries.popitem(last=False)
            entry = self._entries[key] = _Entry()
        else:
            self._entries.move_to_end(key)
        entry.expires_s = max(entry.expires_s, now_s + 2 * longest_s)
        return entry

    def _oldest(self) -> _Entry:
        return next(iter(self._entries.values()))


#: The process's own.
TABLE = CounterTable()
