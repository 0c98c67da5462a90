"""A connection by itself, over a socket pair: what a real kernel rarely does, and what never may happen."""

from __future__ import annotations

import _socket
from collections.abc import Callable, Iterator
from typing import Any

import msgpack
import pytest

from kong_vault_py.pluginserver import connection as connection_module
from kong_vault_py.pluginserver.connection import READ, WRITE, Connection

REQUEST = msgpack.packb([0, 1, "plugin.GetStatus", [None]])


class Watcher:
    def __init__(self) -> None:
        self.callback: Callable[..., None] | None = None

    def start(self, callback: Callable[..., None]) -> None:
        self.callback = callback

    def stop(self) -> None:
        self.callback = None

    close = stop


class Loop:
    """An event loop that a test turns by hand."""

    def __init__(self) -> None:
        self.watchers: dict[int, Watcher] = {}

    def io(self, _descriptor: int, events: int) -> Watcher:
        return self.watchers.setdefault(events, Watcher())

    def fire(self, events: int) -> None:
        callback = self.watchers[events].callback
        assert callback is not None, "nobody waits for this"
        callback()


class Ends:
    """The server's end of a connection, Kong's, and what the server saw."""

    def __init__(self) -> None:
        self.frames: list[Any] = []
        self.forgotten: list[Connection] = []
        self.loop = Loop()
        ours, self.kong = _socket.socketpair(_socket.AF_UNIX)
        self.kong.setblocking(False)
        self.server = Connection(
            ours,
            self.loop,
            take=lambda _connection, _data: False,
            dispatch=lambda _connection, frame: self.frames.append(frame),
            forget=self.forgotten.append,
            greeting=b"hello ",
        )

    def drain(self) -> int:
        """Read as Kong all that is there."""
        got = 0
        try:
            while data := self.kong.recv(1 << 20):
                got += len(data)
        except BlockingIOError:
            pass
        return got


@pytest.fixture
def ends() -> Iterator[Ends]:
    made = Ends()
    yield made
    made.server.close()
    made.kong.close()


def test_the_greeting_goes_out_with_the_first_frame_and_not_before(ends: Ends) -> None:
    assert ends.drain() == 0

    assert ends.server.write(b"first")
    assert ends.server.write(b"second")

    assert ends.kong.recv(100) == b"hello firstsecond"


def test_what_the_kernel_does_not_take_waits_for_its_turn(ends: Ends) -> None:
    ends.server.write(b"")
    ends.drain()
    size = 0
    while ends.loop.watchers[WRITE].callback is None:
        assert ends.server.write(b"x" * 100_000)
        size += 100_000
    assert ends.server.write(b"y" * 100_000)
    size += 100_000

    ends.loop.fire(WRITE)
    got = 0
    while ends.loop.watchers[WRITE].callback is not None:
        got += ends.drain()
        ends.loop.fire(WRITE)

    assert got + ends.drain() == size


def test_replies_that_nobody_reads_have_a_limit(ends: Ends, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection_module, "MAX_FRAME_BYTES", 1_000_000)

    written = 0
    while ends.server.write(b"x" * 100_000):
        written += 100_000
        assert written < 10_000_000

    assert ends.forgotten == [ends.server]


def test_a_lost_connection_is_noticed_by_the_writer(ends: Ends) -> None:
    ends.server.write(b"")
    ends.kong.close()

    assert ends.server.write(b"reply") is False

    assert ends.server.closed
    assert ends.server.write(b"another") is False
    assert ends.forgotten == [ends.server]


def test_a_lost_connection_is_noticed_while_bytes_wait(ends: Ends) -> None:
    while ends.loop.watchers[WRITE].callback is None:
        ends.server.write(b"x" * 100_000)
    ends.kong.close()

    ends.loop.fire(WRITE)

    assert ends.forgotten == [ends.server]


def test_a_reset_connection_is_closed_like_any_other(ends: Ends) -> None:
    ends.server.write(b"unread")
    ends.kong.close()

    ends.loop.fire(READ)

    assert ends.forgotten == [ends.server]


def test_an_early_wake_up_reads_nothing(ends: Ends) -> None:
    ends.loop.fire(READ)

    assert (ends.frames, ends.server.closed) == ([], False)


def test_many_megabytes_of_frames_leave_no_large_buffer_behind(ends: Ends) -> None:
    frame = msgpack.packb([0, 1, "plugin.Step", [{"EventId": 1, "Data": b"x" * 3_000_000}]])
    sent = 0

    for whole in (frame, REQUEST):
        sent = 0
        while sent < len(whole):
            sent += ends.kong.send(whole[sent : sent + 10_000])
            ends.loop.fire(READ)

    assert [len(frame[3][0]["Data"]) if frame[3][0] else 0 for frame in ends.frames] == [3_000_000, 0]


def test_nothing_is_handled_after_the_connection_was_closed_by_a_frame(ends: Ends) -> None:
    ends.server._dispatch = lambda connection, frame: (ends.frames.append(frame), connection.close("enough"))
    ends.kong.send(REQUEST * 3)

    ends.loop.fire(READ)

    assert len(ends.frames) == 1
