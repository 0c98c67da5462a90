"""A plugin server as a process of its own: started, waited for, stopped by its pid."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

__all__ = ["PluginServerProcess"]

_POLL_S = 0.02


class PluginServerProcess:
    """``kong-vault pluginserver`` on a socket, for a folder of plugins; a context manager.

    Args:
        plugins_directory: the folder with the plugin files.
        socket_path: the socket to listen on. Unix limits its length to about 100 characters.
        arguments: more arguments for our server: ``--settings``, ``--event-timeout``, ...
        command: another server's command, the stock one's for instance; must listen on ``socket_path``.
        dump_command: the command that prints its dump as JSON.
        env: its environment; empty by default, as Kong starts plugin servers.
        start_timeout_s: how long it may take to listen, in seconds.
    """

    def __init__(
        self,
        plugins_directory: str | Path,
        socket_path: str | Path,
        *,
        arguments: Sequence[str] = (),
        command: Sequence[str] | None = None,
        dump_command: Sequence[str] | None = None,
        env: Mapping[str, str] | None = None,
        start_timeout_s: float = 15.0,
    ) -> None:
        ours = [sys.executable, "-m", "kong_vault_py.cli", "pluginserver", "-d", str(plugins_directory)]
        self.socket_path = Path(socket_path)
        self.output_path = self.socket_path.with_suffix(".log")
        self._command = list(command or [*ours, "--socket", str(socket_path), *arguments])
        self._dump_command = list(dump_command or [*ours, "--dump-all"])
        self._env = dict(env or {})
        self._start_timeout_s = start_timeout_s
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The server's process id.

        Raises:
            RuntimeError: it does not run.
        """
        if self._process is None:
            raise RuntimeError("the plugin server is not started")
        return self._process.pid

    def dump(self) -> list[dict[str, Any]]:
        """Return what the server says of its plugins.

        Raises:
            RuntimeError: the dump command fails or prints no JSON; the message has its output.
        """
        done = subprocess.run(self._dump_command, env=self._env, capture_output=True, check=False)  # noqa: S603
        try:
            parsed = json.loads(done.stdout)
        except ValueError as error:
            output = (done.stdout + done.stderr).decode(errors="replace")
            raise RuntimeError(f"{' '.join(self._dump_command)} printed no JSON dump: {output}") from error
        return list(parsed["Plugins"] if isinstance(parsed, dict) else parsed)

    def start(self) -> None:
        """Start the server and wait until it listens.

        Raises:
            RuntimeError: it ends, or does not listen in time; the message has its output.
        """
        with self.output_path.open("ab") as output:
            self._process = subprocess.Popen(self._command, env=self._env, stdout=output, stderr=output)  # noqa: S603
        deadline = time.monotonic() + self._start_timeout_s
        while not self._listens():
            ended = self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                self.stop()
                problem = "ended" if ended else f"does not listen after {self._start_timeout_s} s"
                raise RuntimeError(f"{' '.join(self._command)} {problem}: {self.output()}")
            time.sleep(_POLL_S)

    def _listens(self) -> bool:
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            return probe.connect_ex(str(self.socket_path)) == 0

    def output(self) -> str:
        """Return what the server has printed so far."""
        return self.output_path.read_text(errors="replace")

    def stop(self, timeout_s: float = 5.0) -> None:
        """Ask the server to end, and kill it if it has not after ``timeout_s`` seconds."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server at once, as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __enter__(self) -> PluginServerProcess:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
