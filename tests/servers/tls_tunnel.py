"""TLS in front of a server that speaks none: for clients that insist on https."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading

from tests.servers.certificates import Certificates

_CHUNK_BYTES = 65_536


class TlsTunnel:
    """Listens with TLS on a free port and passes every byte on to a plain address; a context manager."""

    host = "127.0.0.1"

    def __init__(self, tls: Certificates, host: str, port: int) -> None:
        self._target = (host, port)
        self._context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        self._context.load_cert_chain(tls.certificate, tls.key)
        self._listener = socket.create_server((self.host, 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, name="tls-tunnel", daemon=True)
        self._connections: list[threading.Thread] = []
        self._sockets: list[socket.socket] = []

    def __enter__(self) -> TlsTunnel:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            # Wakes the accept(), which a bare close() would leave waiting.
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._thread.join()
        for opened in self._sockets:
            with contextlib.suppress(OSError):
                opened.shutdown(socket.SHUT_RDWR)
        for connection in self._connections:
            connection.join()

    def _accept(self) -> None:
        while True:
            try:
                plain, _ = self._listener.accept()
            except OSError:
                return
            self._sockets.append(plain)
            connection = threading.Thread(target=self._connect, args=(plain,), daemon=True)
            self._connections.append(connection)
            connection.start()

    def _connect(self, plain: socket.socket) -> None:
        with plain, contextlib.suppress(OSError), self._context.wrap_socket(plain, server_side=True) as client:
            self._sockets.append(client)
            with socket.create_connection(self._target) as server:
                self._sockets.append(server)
                answers = threading.Thread(target=_pass_on, args=(server, client), daemon=True)
                answers.start()
                _pass_on(client, server)
                answers.join()


def _pass_on(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(_CHUNK_BYTES):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)
