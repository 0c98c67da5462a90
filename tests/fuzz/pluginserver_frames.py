"""Fuzzes what turns bytes into calls: ``python -m tests.fuzz.pluginserver_frames [seconds]``, with atheris.

Whatever comes in, however it is cut: no exception, the connection answers or closes, and a good request on it, if it
is still open and between two frames, is answered.
"""

from __future__ import annotations

import _socket
import sys

import atheris

with atheris.instrument_imports(include=["kong_vault_py.pluginserver"]):
    from kong_vault_py.pluginserver.connection import READ, Connection
    from kong_vault_py.pluginserver.dispatch import Dispatcher
    from kong_vault_py.pluginserver.events import Events
    from kong_vault_py.pluginserver.instances import Instances
    from kong_vault_py.pluginserver.making import Maker, MakingRules
    from kong_vault_py.pluginserver.plugins import Catalog

from greenlet import getcurrent

from kong_vault_py.pluginserver.runner import Phase

_SEEDS = (
    b"\x94\x00\x01\xb0plugin.GetStatus\x91\xc0",
    b"\x94\x00\xce\x00\x01\x00\x00\xb2plugin.HandleEvent\x91\x82\xaaInstanceId\x05\xa9EventName\xa6access",
    b"\x94\x00\xce\x00\x01\x00\x00\xabplugin.Step\x91\x82\xa7EventId\xcf" + bytes(8) + b"\xa4Data\xa1x",
)


class _Watcher:
    def start(self, callback):
        self.callback = callback

    def stop(self):
        pass

    close = stop


class _Loop:
    def __init__(self):
        self.watchers = {}

    def io(self, _descriptor, events):
        return self.watchers.setdefault(events, _Watcher())


def _server():
    events = Events(getcurrent(), 30)
    instances = Instances(Catalog(), Maker(MakingRules()))
    instances.phases[5] = {"access": Phase("fuzzed", "access", "", lambda: None)}
    return Dispatcher(Catalog(), instances, events)


_dispatcher = _server()


def one_input(data: bytes) -> None:
    """Feed one input, cut in two where its first byte says."""
    ours, kong = _socket.socketpair()
    kong.setblocking(False)
    loop = _Loop()
    connection = Connection(
        ours,
        loop,
        take=_dispatcher.take,
        dispatch=_dispatcher.dispatch,
        forget=lambda _connection: None,
        greeting=b"",
    )
    try:
        cut = data[0] if data else 0
        for part in (data[1 : 1 + cut], data[1 + cut :]):
            if part and not connection.closed:
                kong.send(part)
                while not connection.closed and _pending(ours):
                    loop.watchers[READ].callback()
        if not connection.closed and not connection._partial_bytes:
            _all_of(kong)
            kong.send(_SEEDS[0])
            loop.watchers[READ].callback()
            answer = _all_of(kong)
            assert b"Plugins" in answer, (data, answer)
    finally:
        connection.close()
        kong.close()


def _pending(end) -> bool:
    try:
        return bool(end.recv(1, _socket.MSG_PEEK))
    except BlockingIOError:
        return False
    except OSError:
        return False


def _all_of(end) -> bytes:
    got = b""
    try:
        while data := end.recv(1 << 16):
            got += data
    except BlockingIOError:
        pass
    return got


def main() -> None:
    seconds = sys.argv[1] if len(sys.argv) > 1 else "600"
    for seed in _SEEDS:
        one_input(b"\x00" + seed)
    atheris.Setup(
        [sys.argv[0], f"-max_total_time={seconds}", "-max_len=600", "-verbosity=0", "-print_final_stats=1"], one_input
    )
    atheris.Fuzz()


if __name__ == "__main__":
    main()
