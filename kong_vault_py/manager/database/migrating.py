"""Bringing the tables up to date; two managers that start together take turns."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.exc import DBAPIError

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.database.connection import Database, described

__all__ = ["check_migrated", "migrate"]


def migrate(database: Database) -> str:
    """Run all migrations that the database lacks, in one transaction, and return its revision.

    Raises:
        ConfigError: the database can't be reached or changed.
    """
    config = _config()
    try:
        with database.connect_for_migration() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise ConfigError(f"manager database: can't bring it up to date: {described(error)}") from error
    return check_migrated(database)


def check_migrated(database: Database) -> str:
    """Return the database's revision.

    Raises:
        ConfigError: it is not the one that this version needs, or the database can't be reached.
    """
    wanted = ScriptDirectory.from_config(_config()).get_current_head()
    try:
        with database.engine.connect() as connection:
            found = MigrationContext.configure(connection).get_current_revision()
    except DBAPIError as error:
        raise ConfigError(f"manager database: can't use it: {described(error)}") from error
    if found is None or found != wanted:
        raise ConfigError(
            f"manager database: its tables are of revision {found or 'none'}, this version needs {wanted}: "
            "run kong-vault manager migrate"
        )
    return found


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    return config
