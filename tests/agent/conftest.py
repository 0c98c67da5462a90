"""Agents for the tests: one of the module's, and one's own."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from kong_vault_py.agent.connections import Patience
from tests.agent.agent_process import AgentProcess, Shelf
from tests.agent.agent_thread import AgentThread


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="kva") as name:
        yield Path(name)


@pytest.fixture
def shelf(folder: Path) -> Shelf:
    """The vault behind this test's agents."""
    return Shelf(folder)


@pytest.fixture
def start_agent(folder: Path, shelf: Shelf) -> Iterator[Callable[..., AgentProcess]]:
    """Starts agents: ``start_agent(environment, setting=value...)``, on ``folder / "agent.sock"``."""
    started: list[AgentProcess] = []

    def start(environment: dict[str, str] | None = None, **settings: object) -> AgentProcess:
        made = AgentProcess(folder, shelf, environment, **settings)
        started.append(made)
        return made.wait_serving()

    yield start
    for made in started:
        assert made.stop() == 0, made.log


@pytest.fixture
def serve(folder: Path, shelf: Shelf) -> Iterator[Callable[..., AgentThread]]:
    """Starts agents without processes: ``serve(patience=None, setting=value...)``, on ``folder / "agent.sock"``."""
    started: list[AgentThread] = []

    def start(patience: Patience | None = None, **settings: object) -> AgentThread:
        started.append(AgentThread(folder, shelf, patience, **settings))
        return started[-1]

    yield start
    for made in started:
        made.stop()
