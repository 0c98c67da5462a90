"""One connection of Kong's pool: whole frames in, whole frames out, however the bytes arrive."""

from __future__ import annotations

import _socket  # gevent's wrapper would add a layer to each call
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from msgpack import BufferFull, OutOfData

from kong_vault_py.pluginserver.protocol import MAX_FRAME_BYTES, RENEW_BYTES, new_unpacker

__all__ = ["Connection"]

log = logging.getLogger(__name__)

READ, WRITE = 1, 2

#: Nearly all requests are shorter, and CPython has a bytes object of this size in stock: larger ones cost 0.5 us more.
_FIRST_READ_BYTES = 479
_READ_BYTES = 64 * 1024


class Connection:
    """A non-blocking connection with watchers that live as long as it does.

    Args:
        accepted: the connected socket.
        loop: gevent's event loop.
        take: called with the connection and what was read, in front of decoding it; True says that it is done with.
        dispatch: called with the connection and each decoded frame.
        forget: called once, when the connection is closed.
        greeting: bytes that go out in front of the first reply.
    """

    __slots__ = (
        "_dispatch",
        "_forget",
        "_outbox",
        "_partial_bytes",
        "_reader",
        "_received",
        "_recv",
        "_send",
        "_socket",
        "_take",
        "_unpacker",
        "_writer",
        "closed",
    )

    def __init__(
        self,
        accepted: _socket.socket,
        loop: Any,
        *,
        take: Callable[[Connection, bytes], bool],
        dispatch: Callable[[Connection, Any], None],
        forget: Callable[[Connection], None],
        greeting: bytes,
    ) -> None:
        accepted.setblocking(False)
        self.closed = False
        self._socket = accepted
        self._recv = accepted.recv
        self._send = accepted.send
        self._take = take
        self._dispatch = dispatch
        self._forget = forget
        self._outbox = bytearray(greeting)
        self._renew_unpacker()
        self._reader = loop.io(accepted.fileno(), READ)
        self._writer = loop.io(accepted.fileno(), WRITE)
        self._reader.start(self._on_readable)

    def write(self, frame: bytes) -> bool:
        """Send one frame, now or as soon as Kong reads on. False if the connection is gone."""
        if self._outbox or self.closed:
            return self._write_behind(frame)
        try:
            sent = self._send(frame)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(f"can't reply: {error}")
            return False
        if sent != len(frame):
            self._outbox += memoryview(frame)[sent:]
            self._writer.start(self._on_writable)
        return True

    def send_now(self, data: bytes) -> None:
        """Send what the kernel takes, from whichever thread: for a server that ends."""
        with contextlib.suppress(OSError):
            self._send(bytes(self._outbox) + data)
            self._outbox.clear()

    def read_now(self, most: int) -> bytes:
        """Return what is there to read, from whichever thread: for a server that ends."""
        try:
            return self._recv(most)
        except OSError:
            return b""

    def close(self, reason: str | None = None) -> None:
        """Close the connection; with a reason, say so in the log. Safe to call twice."""
        if self.closed:
            return
        self.closed = True
        if reason:
            log.warning("connection closed: %s", reason)
        for watcher in (self._reader, self._writer):
            watcher.stop()
            watcher.close()
        self._socket.close()
        self._outbox.clear()
        self._forget(self)

    def _renew_unpacker(self) -> None:
        self._unpacker = new_unpacker()
        self._received = self._partial_bytes = 0

    def _on_readable(self) -> None:
        partial = self._partial_bytes
        try:
            data = self._recv(_READ_BYTES if partial else _FIRST_READ_BYTES)
        except BlockingIOError:
            return
        except OSError as error:
            self.close(f"can't read: {error}")
            return
        if len(data) == _FIRST_READ_BYTES:
            data += self._read_more()
        if not data:
            self.close(f"Kong left within a frame, after {partial} bytes of it" if partial else None)
        elif partial or not self._take(self, data):
            self._feed(data)

    def _read_more(self) -> bytes:
        try:
            return self._recv(_READ_BYTES)
        except OSError:  # nothing there; a lost connection is noticed again
            return b""

    def _feed(self, data: bytes) -> None:
        unpacker = self._unpacker
        try:
            unpacker.feed(data)
        except BufferFull:
            self.close(f"a frame is larger than {MAX_FRAME_BYTES} bytes")
            return
        self._received += len(data)
        self._partial_bytes += len(data)
        while not self.closed:
            try:
                frame = unpacker.unpack()
            except OutOfData:
                return
            except Exception as error:  # whatever the decoder makes of garbage
                self.close(f"no MessagePack frame: {type(error).__name__} {error}".rstrip())
                return
            self._partial_bytes = self._received - unpacker.tell()
            self._dispatch(self, frame)
            if not self._partial_bytes:
                if self._received > RENEW_BYTES:
                    self._renew_unpacker()
                return

    def _write_behind(self, frame: bytes) -> bool:
        if self.closed:
            return False
        if len(self._outbox) + len(frame) > MAX_FRAME_BYTES:
            self.close(f"Kong leaves more than {MAX_FRAME_BYTES} bytes of replies unread")
            return False
        self._outbox += frame
        self._on_writable()
        return not self.closed

    def _on_writable(self) -> None:
        try:
            sent = self._send(self._outbox)
        except BlockingIOError:
            sent = 0
        except OSError as error:
            self.close(f"can't reply: {error}")
            return
        del self._outbox[:sent]
        if self._outbox:
            self._writer.start(self._on_writable)
        else:
            self._writer.stop()
