"""A manager in a process of its own, on a port that stays: to be killed and started again."""

from __future__ import annotations

import contextlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.manager.running import Api, open_manager
from tests.servers.polling import wait_until
from tests.servers.ports import free_port


class ManagerProcess:
    """Runs ``kong-vault manager serve`` on a folder's SQLite database.

    Args:
        folder: for its data.
        settings: more of ``vault_py_manager_*``.

    Attributes:
        services: the same data without HTTP.
        api: a client; signed in where the manager speaks plain HTTP.
    """

    def __init__(self, folder: Path, **settings: Any) -> None:
        folder.mkdir()
        open_manager(folder).close()
        scheme = "https" if "tls_cert" in settings else "http"
        port = free_port()
        self.url = f"{scheme}://127.0.0.1:{port}"
        lines = {"folder": folder, "master_key": f"file:{folder}/master.key", "listen": f"127.0.0.1:{port}", **settings}
        self._settings = folder / "manager.conf"
        self._settings.touch(mode=0o600)
        self._settings.write_text("".join(f"vault_py_manager_{name} = {value}\n" for name, value in lines.items()))
        self._log = folder / "manager.log"
        self._process: subprocess.Popen[bytes] | None = None
        self.start()
        self.services = open_manager(folder)
        self.api = Api(self.services, self.url)
        if scheme == "http":
            self.api.sign_in_root()

    @property
    def log(self) -> str:
        """What it logged."""
        return self._log.read_text()

    def start(self) -> None:
        """Start it, and wait until it answers."""
        command = [sys.executable, "-m", "kong_vault_py.cli", "manager", "serve", "--settings", str(self._settings)]
        with self._log.open("ab") as log:
            self._process = process = subprocess.Popen(command, stdout=log, stderr=log)

        def answers() -> bool:
            assert process.poll() is None, self.log
            with contextlib.suppress(httpx.TransportError):
                return httpx.get(f"{self.url}/health", verify=False).status_code == 200
            return False

        wait_until(answers, "start of the manager")

    def kill(self) -> None:
        """End it as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def close(self) -> None:
        """End it, with its clients."""
        self.api.close()
        self.services.close()
        self.kill()
