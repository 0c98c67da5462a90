"""Fails any network or file access where none is promised."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["forbid_io"]

_FORBIDDEN = (
    "socket.connect",
    "socket.getaddrinfo",
    "socket.bind",
    "open",
    "os.listdir",
    "os.scandir",
    "subprocess.Popen",
)

_guarded = threading.local()
_installed = False


@contextmanager
def forbid_io() -> Iterator[None]:
    """Make every attempt of this thread to open a connection, a file or a process an :class:`AssertionError`."""
    global _installed  # an audit hook can't be taken out again
    if not _installed:
        sys.addaudithook(_refuse)
        _installed = True
    _guarded.active = True
    try:
        yield
    finally:
        _guarded.active = False


def _refuse(event: str, arguments: tuple[object, ...]) -> None:
    if event in _FORBIDDEN and getattr(_guarded, "active", False):
        raise AssertionError(f"I/O where none is allowed: {event} {arguments[:2]}")
