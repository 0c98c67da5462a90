"""The gateway's error log, kept as lines that a test can look at."""

from __future__ import annotations

import threading
from dataclasses import dataclass

__all__ = ["LEVELS", "KongLog", "LogLine"]

#: The levels of kong.log, most verbose first.
LEVELS = ("debug", "info", "notice", "warn", "err", "crit", "alert", "emerg")


@dataclass(frozen=True)
class LogLine:
    """One line of the log.

    Attributes:
        level: one of :data:`LEVELS`.
        message: the text.
        plugin: the plugin on whose behalf it was written, ``None`` for the gateway's own lines.
    """

    level: str
    message: str
    plugin: str | None = None


class KongLog:
    """Collects lines; safe to use from several threads."""

    def __init__(self) -> None:
        self._lines: list[LogLine] = []
        self._lock = threading.Lock()

    def write(self, level: str, message: str, plugin: str | None = None) -> None:
        """Add a line."""
        with self._lock:
            self._lines.append(LogLine(level, message, plugin))

    def lines(self) -> list[LogLine]:
        """Return a copy of the lines, oldest first."""
        with self._lock:
            return list(self._lines)

    def clear(self) -> None:
        """Forget all lines."""
        with self._lock:
            self._lines.clear()
