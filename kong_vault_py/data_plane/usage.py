"""Who uses which reference, and how often the cache served it: what the audit tells beyond the fetches."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterable, Mapping

from kong_vault_py.resources import shown

__all__ = ["Usage"]

_MOST_REFERENCES = 20_000


class Usage:
    """Remembers plugins by reference, and the hits counted so far. References are kept without their queries."""

    def __init__(self) -> None:
        self._plugins: dict[str, frozenset[str]] = {}
        self._counted: Mapping[str, int] = {}
        self._lock = threading.Lock()

    def note(self, plugin: str, references: Iterable[str]) -> None:
        """Note that a plugin's config holds references."""
        with self._lock:
            for reference in references:
                name = shown(reference)
                if name in self._plugins or len(self._plugins) < _MOST_REFERENCES:
                    self._plugins[name] = self._plugins.get(name, frozenset()) | {plugin}

    def plugins(self, reference: str) -> str | None:
        """Return the plugins that use a reference, comma-separated; ``None`` where none is known."""
        found = self._plugins.get(reference)
        return ", ".join(sorted(found)) if found else None

    def new_hits(self, hits: Mapping[str, int]) -> dict[str, int]:
        """Return how often each reference was served since the last call.

        Args:
            hits: reference, as written -> how often, since it came into the cache.
        """
        new: Counter[str] = Counter()
        for reference, count in hits.items():
            before = self._counted.get(reference, 0)
            # Fewer than before: it left the cache meanwhile, and came back.
            new[shown(reference)] += count - before if count >= before else count
        self._counted = hits
        return {reference: count for reference, count in new.items() if count}
