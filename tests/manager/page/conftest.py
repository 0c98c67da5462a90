"""A real manager and a real headless Chromium, both shared: tests take vaults and stores with names of their own."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.manager.page.chromium import chromium, program
from tests.manager.page.page_server import PageServer, Visitor, page_server, sign_in

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageServer]:
    """A manager with the group ``prod`` and users of every role."""
    with page_server(tmp_path_factory.mktemp("page")) as made:
        yield made


@pytest.fixture(scope="session")
def visitors(server: PageServer) -> Iterator[Callable[[str], Visitor]]:
    """``visitors("vera")``: a client who is signed in, once for all tests."""
    with contextlib.ExitStack() as stack:
        made: dict[str, Visitor] = {}

        def visitor(username: str) -> Visitor:
            if username not in made:
                made[username] = stack.enter_context(server.visitor(username))
            return made[username]

        yield visitor


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """Headless Chromium."""
    if program() is None:
        text = "no real Chromium for this test: none on PATH (Debian: apt install chromium)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(text)
    with chromium() as made:
        yield made


@pytest.fixture(scope="session")
def states(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of what browsers keep of a login."""
    return tmp_path_factory.mktemp("states")


@pytest.fixture
def visit(browser: Browser, server: PageServer, states: Path) -> Iterator[Callable[..., Page]]:
    """``visit("edith", "/groups/prod/vaults", **context_options)``: a tab of a browser of its own, signed in."""
    with contextlib.ExitStack() as stack:

        def open_tab(username: str | None, path: str, **options: object) -> Page:
            state = states / f"{username}.json"
            if username and state.exists():
                options["storage_state"] = state
            context = browser.new_context(base_url=server.url, **options)  # type: ignore[arg-type]
            stack.callback(context.close)
            context.set_default_timeout(20_000)
            page = context.new_page()
            faults: list[str] = []
            page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
            page.on("pageerror", lambda error: faults.append(str(error)))
            stack.callback(lambda: _no_faults(faults))
            if username and "storage_state" not in options:
                sign_in(page, username)
                context.storage_state(path=state)
            page.goto(f"/ui{path}")
            return page

        yield open_tab


def _no_faults(faults: list[str]) -> None:
    # An answer of 4xx is told as an error, too.
    told = [text for text in faults if "Failed to load resource: the server responded with a status of 4" not in text]
    assert told == [], "the browser's console tells errors"
