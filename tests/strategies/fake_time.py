"""A clock that tests turn, and timers that they fire."""

from __future__ import annotations

from collections.abc import Callable


class Clock:
    now_s = 1000.0

    def __call__(self) -> float:
        return self.now_s


class Timers:
    """Remembers what was to run later, and lets a test run it."""

    def __init__(self) -> None:
        self.waiting: list[tuple[float, Callable[[], None]]] = []

    def start(self, delay_s: float, action: Callable[[], None]) -> Callable[[], None]:
        entry = (delay_s, action)
        self.waiting.append(entry)
        return lambda: self.waiting.remove(entry) if entry in self.waiting else None

    def fire(self) -> None:
        _, action = self.waiting.pop()
        action()
