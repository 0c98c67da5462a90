"""Sessions on SQLite or PostgreSQL: what a writing session committed is on the disk when it returns."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.orm import Session

from kong_vault_py.errors import ConfigError, MissingDependencyError

__all__ = ["Database"]

_BUSY_TIMEOUT_S = 20
_CONNECT_TIMEOUT_S = 10
_WRITES = "kong_vault_writes"


class Database:
    """One database; safe for threads, and for several managers at once.

    Args:
        url: of SQLAlchemy's form; ``postgresql://`` goes by psycopg.
        pool_size: connections to PostgreSQL kept open, at most.

    Raises:
        ConfigError: the URL is wrong, or of another kind of database.
    """

    def __init__(self, url: str, *, pool_size: int = 10) -> None:
        try:
            parsed = make_url(url)
        except (ArgumentError, ValueError):
            # Not repeated: it may hold a password.
            raise ConfigError("manager database: expected a URL like postgresql://user@host/name") from None
        self.engine = _sqlite(parsed) if parsed.get_backend_name() == "sqlite" else _postgres(parsed, pool_size)
        self._write_engine = self.engine.execution_options(**{_WRITES: True})

    @property
    def is_sqlite(self) -> bool:
        """Whether this is SQLite, which has one writer at a time."""
        return self.engine.dialect.name == "sqlite"

    @contextlib.contextmanager
    def read(self) -> Iterator[Session]:
        """Give a session that sees one state of the database and changes nothing."""
        with Session(self.engine) as session:
            yield session

    @contextlib.contextmanager
    def write(self) -> Iterator[Session]:
        """Give a session whose changes are committed together at the end, or not at all."""
        with Session(self._write_engine) as session, session.begin():
            yield session

    @contextlib.contextmanager
    def connect_for_migration(self) -> Iterator[Connection]:
        """Give a connection in a transaction that only one process at a time can have."""
        with self._write_engine.begin() as connection:
            if not self.is_sqlite:
                connection.exec_driver_sql("SELECT pg_advisory_xact_lock(5462380617)")
            yield connection

    def close(self) -> None:
        """Close all connections."""
        self.engine.dispose()


def _sqlite(url: URL) -> Engine:
    if not url.database or url.database == ":memory:":
        raise ConfigError("manager database: SQLite needs a file, as in sqlite:////var/lib/kong-vault/manager.db")
    engine = create_engine(url, connect_args={"timeout": _BUSY_TIMEOUT_S}, pool_size=10, max_overflow=40)
    event.listen(engine, "connect", _set_up_sqlite)
    event.listen(engine, "begin", _begin_sqlite)
    return engine


def _set_up_sqlite(connection: sqlite3.Connection, _record: object) -> None:
    # The driver's own BEGIN comes too late for reads and DDL; ours is _begin_sqlite.
    connection.isolation_level = None
    for pragma in (
        "journal_mode = WAL",
        "synchronous = FULL",
        "foreign_keys = ON",
        f"busy_timeout = {_BUSY_TIMEOUT_S}000",
    ):
        connection.execute(f"PRAGMA {pragma}").close()


def _begin_sqlite(connection: Connection) -> None:
    # A writer asks for the lock at once: a reader that turns writer later may only fail.
    writes = connection.get_execution_options().get(_WRITES)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _postgres(url: URL, pool_size: int) -> Engine:
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise ConfigError(f"manager database: {url.get_backend_name()} is not supported; use PostgreSQL or SQLite")
    options: dict[str, Any] = {"connect_timeout": _CONNECT_TIMEOUT_S, "application_name": "kong-vault-manager"}
    try:
        return create_engine(
            url.set(drivername="postgresql+psycopg"),
            pool_size=pool_size,
            max_overflow=pool_size,
            pool_pre_ping=True,
            connect_args=options,
        )
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"PostgreSQL needs the Python package '{error.name}': pip install 'kong-vault-py[manager]'"
        ) from error


def described(error: DBAPIError) -> str:
    """Return what a database error says, in one line and without the statement's values."""
    return " ".join(str(error.orig).split())[:300]
