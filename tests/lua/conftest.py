"""The Lua strategies' doors, and agents behind them."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.lua.doors import Doors
from tests.lua.fake_agent import Behaviour, FakeAgent


@pytest.fixture(scope="package")
def doors(nginx_and_luajit: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """Every door, with one nginx for all tests."""
    opened = Doors(tmp_path_factory.mktemp("doors"))
    yield opened
    opened.close()


@pytest.fixture
def fake_agent(tmp_path: Path) -> Iterator[Callable[..., FakeAgent]]:
    """Starts an agent that behaves as told: ``fake_agent(behaviour, address=None)``."""
    with contextlib.ExitStack() as stack:
        count = 0

        def start(behaviour: Behaviour, *, address: str | None = None) -> FakeAgent:
            nonlocal count
            count += 1
            return stack.enter_context(FakeAgent(address or tmp_path / f"{count}.sock", behaviour))

        yield start
