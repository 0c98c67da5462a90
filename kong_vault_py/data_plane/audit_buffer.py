"""Audit entries on their way to the manager: bounded, and each with an id, since one may be sent twice."""

from __future__ import annotations

import itertools
import json
import threading
import uuid
from collections import deque
from typing import Any, NamedTuple

from kong_vault_py.data_plane.storable import storable

__all__ = ["AuditBuffer", "Batch"]


class Batch(NamedTuple):
    """The oldest entries, and the number of the last of them."""

    entries: list[dict[str, Any]]
    last: int


class AuditBuffer:
    """Keeps entries until the manager has them; where they are too many, the oldest go. Safe for threads.

    Args:
        most: entries kept at once.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: deque[tuple[int, dict[str, Any]]] = deque()
        self._numbers = itertools.count(1)
        self._process = uuid.uuid4().hex[:16]
        self._lock = threading.Lock()
        #: Entries that the manager never got.
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, **entry: Any) -> None:
        """Keep an entry; texts are cut, and made fit for a database."""
        told = storable(entry)
        with self._lock:
            number = next(self._numbers)
            if len(self._entries) >= self._most:
                self._entries.popleft()
                self.dropped += 1
            self._entries.append((number, {"id": f"{self._process}-{number}", **told}))

    def oldest(self, most: int, most_bytes: int) -> Batch:
        """Return the oldest entries, as many as fit; they stay until they are :meth:`done`."""
        with self._lock:
            waiting = list(itertools.islice(self._entries, most))
        entries: list[dict[str, Any]] = []
        last = size = 0
        for number, entry in waiting:
            size += len(json.dumps(entry)) + 2
            if entries and size > most_bytes:
                break
            entries.append(entry)
            last = number
        return Batch(entries, last)

    def done(self, last: int, *, lost: bool = False) -> None:
        """Forget the entries up to a number: the manager has them, or will never take them."""
        with self._lock:
            while self._entries and self._entries[0][0] <= last:
                self._entries.popleft()
                self.dropped += lost
