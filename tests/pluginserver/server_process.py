"""A real plugin server process, started as Kong starts it: with an empty environment and umask 0."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from tests.servers.polling import wait_until

REPOSITORY = Path(__file__).parents[2]
SERVED = Path(__file__).parent / "served"


def environment() -> dict[str, str]:
    """Nothing, but for what measures coverage."""
    return {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "kong_vault_py.cli", "pluginserver", *map(str, arguments)]


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        command(*arguments), cwd=REPOSITORY, env=environment(), capture_output=True, text=True, timeout=60
    )


class PluginServer:
    """Runs ``kong-vault pluginserver`` until stopped.

    Args:
        path: of its socket.
        log: the file for its output.
        arguments: more of them; the plugins directory is ``served`` unless there is a ``-d``.
    """

    def __init__(self, path: Path, log: Path, *arguments: object) -> None:
        self.path = path
        self._log = log
        directory = () if "-d" in arguments else ("-d", SERVED)
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command(*directory, "--socket", path, *arguments),
                cwd=REPOSITORY,
                env=environment(),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: os.umask(0),
            )
        wait_until(
            lambda: re.search('"?msg"?[=:] ?"serving', self.log) or self.process.poll() is not None,
            "start of the server",
        )
        assert self.process.poll() is None, self.log

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def log(self) -> str:
        return self._log.read_text()

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=20)
