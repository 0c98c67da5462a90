"""Telling systemd how a service stands (sd_notify), where systemd asked to be told."""

from __future__ import annotations

import contextlib
import os
import socket
import time

__all__ = ["notify", "reloading", "watchdog_interval_s"]

_TIMEOUT_S = 1.0


def notify(*states: str) -> None:
    """Send states such as ``READY=1``; does nothing where nobody listens."""
    path = os.environ.get("NOTIFY_SOCKET")
    if not path:
        return
    address = "\0" + path[1:] if path.startswith("@") else path
    # Gone, or no socket to be had: a service doesn't end for that.
    with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
        sender.settimeout(_TIMEOUT_S)
        sender.sendto("\n".join(states).encode(), address)


def reloading() -> None:
    """Say that a reload begins; ``READY=1`` ends it."""
    notify("RELOADING=1", f"MONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")


def watchdog_interval_s() -> float | None:
    """Return how often to send ``WATCHDOG=1``, in seconds: twice as often as asked; ``None`` for never."""
    pid, micros = os.environ.get("WATCHDOG_PID"), os.environ.get("WATCHDOG_USEC", "")
    if not micros.isdecimal() or int(micros) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(micros) / 2_000_000
