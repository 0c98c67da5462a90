"""A real PostgreSQL on a free loopback port, its data in a folder of the test's."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
from pathlib import Path

from tests.servers.ports import free_port
from tests.servers.process import ServerProcess

_DEBIAN = Path("/usr/lib/postgresql")
_INITDB_TIMEOUT_S = 60


def postgres_program() -> Path | None:
    """Return the path of the newest postgres that has its initdb beside it, ``None`` where there is none."""
    found = shutil.which("postgres")
    candidates = [Path(found).resolve()] if found else []
    candidates += sorted(_DEBIAN.glob("*/bin/postgres"), key=lambda path: float(path.parts[-3]), reverse=True)
    return next((path for path in candidates if (path.parent / "initdb").exists()), None)


class PostgresServer:
    """PostgreSQL; a context manager. Without fsync: tests kill its clients, never the server.

    Args:
        program: ``postgres``, with ``initdb`` beside it.
        folder: for its data; everyone must be able to reach it, since the server refuses to run as root.
    """

    user = "postgres"

    def __init__(self, program: Path, folder: Path) -> None:
        self.port = free_port()
        self._program = program
        self._data = folder / "data"
        self._owner = _server_user()
        self._as_user: list[str] = []
        if self._owner:
            # Not runuser: that would be a process between us and the server.
            ids = [f"--reuid={self._owner.pw_uid}", f"--regid={self._owner.pw_gid}"]
            self._as_user = ["setpriv", *ids, "--clear-groups"]
        command = [
            *self._as_user,
            str(program),
            "-D",
            str(self._data),
            "-p",
            str(self.port),
            "-k",
            "",
            "-h",
            "127.0.0.1",
        ]
        options = ["-c", "fsync=off", "-c", "max_connections=50", "-c", "shared_buffers=32MB"]
        self._process = ServerProcess([*command, *options], folder, self._answers)
        self._folder = folder

    def __enter__(self) -> PostgresServer:
        if self._owner:
            os.chown(self._folder, self._owner.pw_uid, self._owner.pw_gid)
        initdb = [*self._as_user, str(self._program.parent / "initdb"), "-D", str(self._data), "-U", self.user]
        done = subprocess.run(
            [*initdb, "-A", "trust", "-N", "--no-instructions"],
            cwd=self._folder,
            capture_output=True,
            timeout=_INITDB_TIMEOUT_S,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"initdb failed: {done.stderr.decode(errors='replace')[-2000:]}")
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def url(self, database: str = "postgres") -> str:
        """Return the URL of a database."""
        return f"postgresql://{self.user}@127.0.0.1:{self.port}/{database}"

    def create_database(self, name: str) -> str:
        """Make an empty database and return its URL."""
        import psycopg

        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]  # a name of a test's
        return self.url(name)

    def _answers(self) -> bool:
        import psycopg

        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                pass
            psycopg.connect(self.url(), connect_timeout=2).close()
        except (OSError, psycopg.OperationalError):
            return False
        return True


def _server_user() -> pwd.struct_passwd | None:
    """Return the user that the server runs as where we are root, which it refuses."""
    if os.geteuid() != 0:
        return None
    users = {user.pw_name: user for user in pwd.getpwall()}
    return users.get("postgres") or users["nobody"]
