"""What a child prints, through a mask, to where our own output goes."""

from __future__ import annotations

import contextlib
import os
import select
import threading
import time
from collections.abc import Iterable

from kong_vault_py.child_process.masking import StreamMask

__all__ = ["MaskedOutput"]

_CHUNK_BYTES = 65536
#: A process that the child left behind may keep its output open for good.
_DRAIN_S = 5.0


class MaskedOutput:
    """Two pipes for a child's standard output and error, and a thread for each that masks what comes.

    Where both of ours are one file (``2>&1``, a terminal) there is one pipe, so that lines keep their order.

    Args:
        patterns: the byte strings to mask.
        targets: our own descriptors of output and error.
        drain_s: seconds to wait at the end for output of processes that the child left behind.
    """

    def __init__(
        self, patterns: Iterable[bytes], targets: tuple[int, int] = (1, 2), *, drain_s: float = _DRAIN_S
    ) -> None:
        output, error = targets
        self._drain_s = drain_s
        self._masks: list[StreamMask] = []
        self._threads: list[threading.Thread] = []
        self._writers: list[int] = []
        patterns = list(patterns)
        first = self._open(patterns, output)
        second = first if _same_file(output, error) else self._open(patterns, error)
        #: For ``os.posix_spawn``.
        self.file_actions = [(os.POSIX_SPAWN_DUP2, first, 1), (os.POSIX_SPAWN_DUP2, second, 2)]

    def add(self, patterns: Iterable[bytes]) -> None:
        """Mask these too: rotated values. The old ones may still be printed."""
        patterns = list(patterns)
        for mask in self._masks:
            mask.add(patterns)

    def finish(self) -> None:
        """Pass on what is still in the pipes, after the last child's end."""
        for writer in self._writers:
            os.close(writer)
        until = time.monotonic() + self._drain_s
        for thread in self._threads:
            thread.join(max(0.0, until - time.monotonic()))

    def _open(self, patterns: list[bytes], target: int) -> int:
        reader, writer = os.pipe()
        mask = StreamMask(patterns)
        thread = threading.Thread(target=_pass_on, args=(reader, mask, target), daemon=True, name="kong-vault-mask")
        self._masks.append(mask)
        self._writers.append(writer)
        self._threads.append(thread)
        thread.start()
        return writer


def _same_file(one: int, other: int) -> bool:
    try:
        return os.path.sameopenfile(one, other)
    except OSError:
        return False


def _pass_on(reader: int, mask: StreamMask, target: int) -> None:
    """Mask until the pipe's end. Where nobody reads our output any more, nobody reads the child's either."""
    try:
        with contextlib.suppress(OSError):
            while chunk := os.read(reader, _CHUNK_BYTES):
                _write_all(target, mask.feed(chunk))
            _write_all(target, mask.finish())
    finally:
        os.close(reader)


def _write_all(target: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(target, rest) :]
        except BlockingIOError:  # a terminal or a pipe that somebody made non-blocking
            select.select([], [target], [])
