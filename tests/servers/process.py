"""A server process: started in a folder of its own, watched while it comes up, stopped by its pid."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tests.servers.polling import wait_until

_LOG_TAIL_CHARS = 2000


class ServerProcess:
    """Runs one server program.

    Args:
        command: program and arguments.
        folder: its working folder; the log ``<program>.log`` goes there.
        is_ready: says whether the server answers.
        environment: the whole environment besides PATH and HOME.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        folder: Path,
        is_ready: Callable[[], bool],
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self._command = [str(word) for word in command]
        self._folder = folder
        self._is_ready = is_ready
        self._environment = {"PATH": os.environ.get("PATH", ""), "HOME": str(folder), **(environment or {})}
        self._log = folder / f"{Path(self._command[0]).name}.log"
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process id, ``None`` while it is stopped."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start the server and return when it answers.

        Raises:
            RuntimeError: it ends at once; the text holds the end of its log.
            TimeoutError: it doesn't answer.
        """
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                self._command, cwd=self._folder, env=self._environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
            )
        try:
            wait_until(self._is_up, f"start of {self._command[0]}")
        except TimeoutError:
            self.stop()
            raise

    def stop(self) -> None:
        """Stop the server, if it runs, and return when it is gone."""
        process, self._process = self._process, None
        if process is None:
            return
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _is_up(self) -> bool:
        if self._process is not None and self._process.poll() is not None:
            end = self._log.read_text(errors="replace")[-_LOG_TAIL_CHARS:]
            raise RuntimeError(f"{self._command[0]} ended with status {self._process.returncode}:\n{end}")
        return self._is_ready()
