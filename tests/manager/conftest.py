"""A manager on SQLite, and the same on PostgreSQL: what holds for one has to hold for the other.

Most tests share one of each (``api``) and take groups of their own; those that stop, count or spoil get ``own_api``.
Where no database has a say (what is refused before it is asked) SQLite is enough: ``running.ON_SQLITE``.
"""

from __future__ import annotations

import itertools

import pytest

from tests.conftest import _without
from tests.manager.running import Clock, open_manager, running
from tests.servers.build_deck import NoDeckError, ensure_program

_numbers = itertools.count(1)
_KINDS = ["sqlite", pytest.param("postgres", marks=pytest.mark.real("postgres"))]


def _new_database(request, kind, folder):
    """The URL of an empty database."""
    if kind == "sqlite":
        return f"sqlite:///{folder}/manager.db"
    return request.getfixturevalue("postgres").create_database(f"manager-{next(_numbers)}")


@pytest.fixture(params=_KINDS)
def database_url(request, tmp_path):
    """The URL of an empty database for this test."""
    return _new_database(request, request.param, tmp_path)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def manager(tmp_path, database_url, clock):
    """A manager's services for this test, without HTTP."""
    made = open_manager(tmp_path, database_url, now=clock)
    yield made
    made.close()


@pytest.fixture
def own_api(manager):
    """A running manager for this test."""
    with running(manager) as served:
        served.sign_in_root()
        yield served


@pytest.fixture(scope="session", params=_KINDS)
def api(request, tmp_path_factory):
    """A running manager for all tests, with an administrator."""
    folder = tmp_path_factory.mktemp("manager")
    with running(open_manager(folder, _new_database(request, request.param, folder), now=Clock())) as served:
        served.sign_in_root()
        yield served


@pytest.fixture
def group(api):
    """The name of a new group."""
    return api.group()


@pytest.fixture
def kong(api, group):
    """A client of the group's part of the API, as decK would be given it."""
    client = api.client(api.root.headers["Authorization"].removeprefix("Bearer "))
    client.base_url = f"{api.url}/groups/{group}/"
    return client


@pytest.fixture(scope="session")
def deck_program():
    """The client made of decK's engine."""
    try:
        return ensure_program()
    except NoDeckError as error:
        _without("decK", error)
