"""A real agent process, over a shelf that counts: started with umask 0 and next to no environment."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from tests.servers.polling import wait_until

REPOSITORY = Path(__file__).parents[2]


class Shelf:
    """The folder behind the strategy "shelf", and the way a process finds that strategy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "shelf"
        self.folder.mkdir()
        self._packages = folder / "packages"
        metadata = self._packages / "shelf-1.dist-info"
        metadata.mkdir(parents=True)
        (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: shelf\nVersion: 1\n")
        (metadata / "entry_points.txt").write_text("[kong_vault_py.strategies]\nshelf = shelf:ShelfStrategy\n")

    def environment(self) -> dict[str, str]:
        packages = os.pathsep.join([str(self._packages), str(Path(__file__).parent / "served")])
        measuring = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}
        return {"PYTHONPATH": packages, **measuring}

    def put(self, name: str, value: str | bytes) -> None:
        new = self.folder / f".new-{name}"
        new.write_bytes(value.encode() if isinstance(value, str) else value)
        new.rename(self.folder / name)

    def remove(self, name: str) -> None:
        (self.folder / name).unlink()

    @property
    def calls(self) -> list[str]:
        found = self.folder / ".calls"
        return found.read_text().splitlines() if found.exists() else []


class AgentProcess:
    """Runs ``kong-vault agent`` until stopped.

    Args:
        folder: for its socket, settings and log.
        shelf: its vault.
        environment: more of it.
        settings: ``key = value`` in kong.conf's words.
    """

    def __init__(
        self, folder: Path, shelf: Shelf, environment: Mapping[str, str] | None = None, **settings: object
    ) -> None:
        self.path = folder / "agent.sock"
        self.settings = folder / "agent.conf"
        self._log = folder / f"agent-{len(list(folder.glob('agent-*.log')))}.log"
        self.configure(shelf, **settings)
        with self._log.open("wb") as output:
            self.process = subprocess.Popen(
                [
                    *(sys.executable, "-m", "kong_vault_py.cli", "agent", "--log-level", "debug"),
                    *("--socket", self.path, "--settings", self.settings),
                ],
                cwd=REPOSITORY,
                env=shelf.environment() | dict(environment or {}),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                preexec_fn=lambda: os.umask(0),
            )

    def configure(self, shelf: Shelf, **settings: object) -> None:
        """Write the settings, in one step."""
        new = self.settings.with_suffix(".new")
        new.touch(mode=0o600)
        lines = {"vault_shelf_folder": shelf.folder, **settings}
        new.write_text("".join(f"{key} = {value}\n" for key, value in lines.items()))
        new.chmod(0o600)
        new.rename(self.settings)

    def wait_serving(self) -> AgentProcess:
        wait_until(lambda: 'msg="the agent serves' in self.log or self.process.poll() is not None, "start of the agent")
        assert self.process.poll() is None, self.log
        return self

    @property
    def log(self) -> str:
        return self._log.read_text()

    @property
    def port(self) -> int:
        found = re.search(r"and 127\.0\.0\.1:(\d+)", self.log)
        assert found, self.log
        return int(found[1])

    def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Send a signal and return the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(timeout=20)
