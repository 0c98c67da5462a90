"""A real redis-server on a free loopback port."""

from __future__ import annotations

import shutil
import socket
import ssl
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.servers.certificates import Certificates
from tests.servers.ports import free_port
from tests.servers.process import ServerProcess

if TYPE_CHECKING:
    import redis


def redis_program() -> str | None:
    """Return the path of redis-server, ``None`` where it is not installed."""
    return shutil.which("redis-server")


class RedisServer:
    """Redis with nothing on disk; a context manager.

    Args:
        folder: its working folder.
        password: of the default user; ``None`` for none.
        users: further users (ACL) by name, each with its password and all rights.
        tls: speak TLS, and nothing else, with these certificates.
        lines: more lines for its configuration.
        program_arguments: more arguments for redis-server.
    """

    host = "127.0.0.1"

    def __init__(
        self,
        folder: Path,
        *,
        password: str | None = None,
        users: Mapping[str, str] | None = None,
        tls: Certificates | None = None,
        lines: Sequence[str] = (),
        program_arguments: Sequence[str] = (),
    ) -> None:
        self.port = free_port()
        self.password = password
        self.tls = tls
        config = self._write_config(folder, users or {}, lines)
        command = [redis_program() or "redis-server", config, *program_arguments]
        self._process = ServerProcess(command, folder, self._answers)

    def __enter__(self) -> RedisServer:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id, ``None`` while it is stopped."""
        return self._process.pid

    def start(self) -> None:
        """Start it (again, on the same port and empty)."""
        self._process.start()

    def stop(self) -> None:
        """Stop it."""
        self._process.stop()

    def client(self, **options: Any) -> redis.Redis:
        """Return a client of the default user; close it after use. ``options`` are redis-py's and win."""
        import redis
        from redis.backoff import NoBackoff
        from redis.retry import Retry

        # A test wants the first error, not the tenth after a while.
        once = Retry(NoBackoff(), 0)
        defaults: dict[str, Any] = {"host": self.host, "port": self.port, "password": self.password, "retry": once}
        if self.tls:
            defaults |= {"ssl": True, "ssl_ca_certs": str(self.tls.authority)}
        return redis.Redis(**defaults | options)

    def change_password(self, password: str) -> None:
        """Give the default user another password; connections that are logged in stay so."""
        with self.client() as client:
            client.config_set("requirepass", password)
        self.password = password

    def disconnect_clients(self) -> None:
        """Close all other clients' connections: what comes next has to log in anew."""
        with self.client() as client:
            client.execute_command("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def _write_config(self, folder: Path, users: Mapping[str, str], more: Sequence[str]) -> Path:
        lines = ["bind 127.0.0.1", 'save ""', "appendonly no", f'dir "{folder}"']
        if self.tls:
            lines += [
                "port 0",
                f"tls-port {self.port}",
                f'tls-cert-file "{self.tls.certificate}"',
                f'tls-key-file "{self.tls.key}"',
                f'tls-ca-cert-file "{self.tls.authority}"',
                "tls-auth-clients no",
            ]
        else:
            lines.append(f"port {self.port}")
        if self.password is not None:
            lines.append(f'requirepass "{self.password}"')
        lines += [f"user {name} on >{password} ~* &* +@all" for name, password in users.items()]
        lines += more
        path = folder / f"redis-{self.port}.conf"
        path.touch(mode=0o600)
        path.write_text("\n".join(lines) + "\n")
        return path

    def _answers(self) -> bool:
        try:
            with socket.create_connection((self.host, self.port), timeout=1) as plain:
                if self.tls is None:
                    return _pings(plain)
                context = ssl.create_default_context(cafile=str(self.tls.authority))
                with context.wrap_socket(plain, server_hostname=self.host) as secured:
                    return _pings(secured)
        except OSError:
            return False


def _pings(connection: socket.socket) -> bool:
    connection.sendall(b"PING\r\n")
    return connection.recv(64).startswith((b"+PONG", b"-NOAUTH"))
