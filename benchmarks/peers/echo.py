"""The ceiling for a server in Python: an epoll loop that decodes a request, packs an empty answer, and does nothing."""

from __future__ import annotations

import select
import socket
import sys
from collections.abc import Callable

from msgpack import Packer, unpackb

_EVENT_ID = 1 << 50


def main(path: str) -> None:
    """Serve at ``path`` until killed; a request comes whole, in one piece."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen(256)
    epoll = select.epoll()
    epoll.register(listener.fileno(), select.EPOLLIN)
    calls: dict[int, tuple[socket.socket, Callable[[int], bytes], Callable[[bytes], int]]] = {}
    pack = Packer().pack
    while True:
        for descriptor, _events in epoll.poll(-1, 256):
            if descriptor == listener.fileno():
                accepted, _address = listener.accept()
                accepted.setblocking(False)
                calls[accepted.fileno()] = (accepted, accepted.recv, accepted.send)
                epoll.register(accepted.fileno(), select.EPOLLIN)
                continue
            accepted, recv, send = calls[descriptor]
            data = recv(479)
            if not data:
                epoll.unregister(descriptor)
                del calls[descriptor]
                accepted.close()
                continue
            _kind, msgid, method, _arguments = unpackb(data)
            started = method == "plugin.StartInstance"
            send(pack([1, msgid, None, {"Id": 1} if started else {"EventId": _EVENT_ID, "Data": "ret"}]))


if __name__ == "__main__":
    main(sys.argv[1])
