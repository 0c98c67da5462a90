"""A manager on SQLite for all tests of a module; those that kill one start their own process."""

from __future__ import annotations

import pytest

from tests.manager.running import open_manager, running


@pytest.fixture(scope="package")
def api(tmp_path_factory):
    """A running manager with an administrator."""
    folder = tmp_path_factory.mktemp("manager")
    manager = open_manager(folder)
    with running(manager) as served:
        served.sign_in_root()
        yield served
    manager.close()


@pytest.fixture
def group(api):
    """The name of a new group."""
    return api.group()


@pytest.fixture
def secrets(tmp_path):
    """A folder of secrets for the strategy fs."""
    folder = tmp_path / "secrets"
    folder.mkdir()
    (folder / "db").write_text('{"username": "app", "password": "pw-1"}')
    return folder
