"""How far long work is: one line on standard error that goes away, and only where somebody is looking."""

from __future__ import annotations

import os
import sys
from types import TracebackType

__all__ = ["Progress"]

_CLEAR = "\r\x1b[K"


class Progress:
    """Shows ``fetching secrets: 12 of 100`` while it is entered; silent unless standard error is a terminal.

    Args:
        what: what is being done.
    """

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty() and os.environ.get("TERM") != "dumb"

    def __enter__(self) -> Progress:
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        self._write(_CLEAR)

    def __call__(self, done: int, total: int) -> None:
        """Show that ``done`` of ``total`` are done."""
        self._write(f"{_CLEAR}{self._what}: {done} of {total}")

    def _write(self, text: str) -> None:
        if self._shown:
            sys.stderr.write(text)
            sys.stderr.flush()
