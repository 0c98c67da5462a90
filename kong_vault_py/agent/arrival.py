"""What a client sends, with one deadline for a whole request: a time limit for each piece is none for all of them."""

from __future__ import annotations

import io
import socket
import time
from typing import Any

__all__ = ["Arrival"]


class Arrival(io.RawIOBase):
    """The reading side of a socket.

    Args:
        connection: the socket; its timeout is set here.
    """

    def __init__(self, connection: socket.socket) -> None:
        super().__init__()
        self._connection = connection
        self._end_s = 0.0

    def within(self, timeout_s: float) -> None:
        """Allow so many seconds from now on for all that follows."""
        self._end_s = time.monotonic() + timeout_s

    def readable(self) -> bool:
        """Return true."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Receive what there is, and wait until the deadline for the first of it.

        Raises:
            TimeoutError: nothing came.
        """
        left_s = self._end_s - time.monotonic()
        if left_s <= 0:
            raise TimeoutError("timed out")
        self._connection.settimeout(left_s)
        return self._connection.recv_into(buffer)
