"""Fixtures for every test: real servers. Where one can't be had: a loud skip on a user's machine, a failure in CI."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.servers.build_vault import NoVaultError, ensure_program
from tests.servers.certificates import Certificates, make_certificates
from tests.servers.nginx import nginx_program
from tests.servers.postgres import PostgresServer, postgres_program
from tests.servers.redis_server import RedisServer, redis_program
from tests.servers.redis_topologies import RedisCluster, SentinelRedis
from tests.servers.vault_server import DevVault, FileVault, VaultServer, given_server

# Before anything imports it: the suite's assertions then say what they compared.
pytest.register_assert_rewrite("kong_vault_py.testing.strategy_contract")

_NEED_VAULT = {"vault", "vault_program", "own_vault"}


def pytest_collection_finish(session: pytest.Session) -> None:
    """Build a Vault server where one is needed and missing: here, since it takes longer than a test may."""
    if session.config.option.collectonly or not any(_NEED_VAULT & set(_fixtures(item)) for item in session.items):
        return
    with contextlib.suppress(NoVaultError):
        ensure_program()


def _fixtures(item: pytest.Item) -> list[str]:
    """Return the names of the fixtures that a test takes from here: others may have the same names elsewhere."""
    definitions = getattr(getattr(item, "_fixtureinfo", None), "name2fixturedefs", {})
    return [name for name, found in definitions.items() if found[-1].func.__module__ == __name__]


def _without(server: str, reason: object) -> NoReturn:
    text = f"no real {server} for this test: {reason}"
    if os.environ.get("CI"):
        pytest.fail(text)
    pytest.skip(text)


@pytest.fixture(scope="session")
def vault_program() -> Path:
    """The Vault (or OpenBao) server program."""
    try:
        return ensure_program()
    except NoVaultError as error:
        _without("Vault server", error)


@pytest.fixture(scope="session")
def vault(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[VaultServer]:
    """A Vault for all tests: use mounts, policies and roles with names of your own."""
    given = given_server()
    if given is not None:
        yield given
        return
    program: Path = request.getfixturevalue("vault_program")
    with DevVault(program, tmp_path_factory.mktemp("vault")) as server:
        yield server


@pytest.fixture
def own_vault(vault_program: Path, tmp_path: Path) -> Iterator[Callable[..., FileVault]]:
    """Starts a Vault for this test alone, which may be sealed and stopped: ``own_vault(tls=certificates)``."""
    with contextlib.ExitStack() as stack:

        def start(tls: Certificates | None = None) -> FileVault:
            return stack.enter_context(FileVault(vault_program, tmp_path, tls))

        yield start


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[Callable[..., RedisServer]]:
    """Starts a Redis for this test: ``redis_server(password=..., users={name: password}, tls=certificates)``."""
    if redis_program() is None:
        _without("Redis", "no redis-server on PATH (Debian: apt install redis-server)")
    with contextlib.ExitStack() as stack:

        def start(**options: Any) -> RedisServer:
            return stack.enter_context(RedisServer(tmp_path, **options))

        yield start


@pytest.fixture(scope="session")
def real_redis() -> None:
    """For fixtures that start their own: there is a redis-server."""
    if redis_program() is None:
        _without("Redis", "no redis-server on PATH (Debian: apt install redis-server)")


@pytest.fixture
def redis_plural(real_redis: None, tmp_path: Path) -> Iterator[Callable[..., Any]]:
    """Starts several Redis servers for this test: ``redis_plural(RedisCluster, tls=certificates)``."""
    with contextlib.ExitStack() as stack:

        def start(kind: type[SentinelRedis] | type[RedisCluster], **options: Any) -> SentinelRedis | RedisCluster:
            return stack.enter_context(kind(tmp_path, **options))

        yield start


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """A certificate authority, and a server certificate of it for 127.0.0.1 and localhost."""
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture(scope="session")
def nginx_and_luajit() -> None:
    """What Lua code of ours runs in."""
    if nginx_program() is None:
        _without("nginx with Lua", "none here (Debian: apt install nginx libnginx-mod-http-lua)")
    if shutil.which("luajit") is None:
        _without("LuaJIT", "no luajit on PATH (Debian: apt install luajit2 lua-cjson lua-socket)")


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL for all tests: ``postgres.create_database("name")`` for one of your own."""
    program = postgres_program()
    if program is None:
        _without("PostgreSQL", "no postgres with an initdb beside it (Debian: apt install postgresql)")
    # Not pytest's own folder, which only we can reach: the server runs as another user where we are root.
    with tempfile.TemporaryDirectory() as folder, PostgresServer(program, Path(folder)) as server:
        yield server
