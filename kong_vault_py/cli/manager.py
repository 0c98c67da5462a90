"""``kong-vault manager``: the management API, and the care of its data."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from kong_vault_py.errors import VaultError

if TYPE_CHECKING:
    from kong_vault_py.manager.service import Manager, Resolve
    from kong_vault_py.manager.settings import ManagerSettings

__all__ = ["command"]

_LEVELS = ("debug", "info", "warning", "error")

_settings_option = click.option(
    "--settings",
    "settings_path",
    type=click.Path(dir_okay=False),
    help="Settings file in kong.conf's format [default: $KONG_VAULT_PY_SETTINGS].",
)


@click.group("manager")
def command() -> None:
    """Manage vault entities, Config Stores and access, over an HTTP API.

    \b
    Examples:
      kong-vault manager serve --settings /etc/kong-vault/manager.conf
      kong-vault manager rotate-key --new-key
      kong-vault manager verify-audit
    """  # noqa: D301 - click wants the backspace itself


@command.command("serve")
@_settings_option
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True, help="To standard error.")
def serve_command(settings_path: str | None, log_level: str) -> None:
    """Serve the API until SIGTERM.

    Where there are no users yet, a one-time token for the first administrator is written to the file bootstrap-token
    of the manager's folder.
    """
    with _told("serve"), _opened(settings_path) as manager:
        from kong_vault_py.manager.serve import serve

        serve(manager, log_level)


@command.command("migrate")
@_settings_option
def migrate_command(settings_path: str | None) -> None:
    """Bring the database's tables up to date."""
    with _told("migrate"):
        from kong_vault_py.manager.database.migrating import migrate
        from kong_vault_py.manager.service import open_database

        settings, resolve = _settings(settings_path)
        database = open_database(settings, resolve)
        try:
            click.echo(f"the database is at revision {migrate(database)}")
        finally:
            database.close()


@command.command("rotate-key")
@_settings_option
@click.option("--new-key", is_flag=True, help="First put a new key into the master key's file.")
def rotate_key_command(settings_path: str | None, new_key: bool) -> None:
    """Bring all sealed values under the current master key; running managers go on meanwhile."""
    with _told("rotate-key"), _opened(settings_path) as manager:
        from kong_vault_py.manager.key_rotation import rotate_master_key

        if new_key:
            _add_key(manager)
        click.echo(f"{rotate_master_key(manager.records)} values are under the current master key now")


@command.command("verify-audit")
@_settings_option
def verify_audit_command(settings_path: str | None) -> None:
    """Check that no entry of the audit was changed, moved or removed."""
    with _told("verify-audit"), _opened(settings_path) as manager, manager.records.database.read() as session:
        found = manager.records.audit.verify(session)
        click.echo(f"{found.entries} entries, the last one's code is {found.mac or 'none'}")


@command.command("set-password")
@_settings_option
@click.argument("username")
def set_password_command(settings_path: str | None, username: str) -> None:
    """Give a user another password, read from standard input, and enable them: the way back in for a lost one."""
    with _told("set-password"), _opened(settings_path) as manager:
        from kong_vault_py.errors import ConfigError
        from kong_vault_py.manager.problems import ProblemError

        password = click.prompt("New password", hide_input=True, confirmation_prompt=sys.stdin.isatty(), err=True)
        try:
            manager.users.change("system", username, {"password": password, "disabled": False})
        except ProblemError as problem:
            raise ConfigError(f"user {username}: {problem}") from None


def _add_key(manager: Manager) -> None:
    from kong_vault_py.config_store.key_file import add_to_key_file
    from kong_vault_py.config_store.master_keys import new_key_text
    from kong_vault_py.errors import ConfigError
    from kong_vault_py.manager.live_envelope import LiveEnvelope

    scheme, _, path = str(manager.settings.master_key).partition(":")
    if scheme != "file":
        raise ConfigError("--new-key needs a master key in a file; put the new one before the old ones where they are")
    add_to_key_file(path, new_key_text())
    assert isinstance(manager.records.envelope, LiveEnvelope)
    manager.records.envelope.reload()


@contextmanager
def _told(name: str) -> Iterator[None]:
    """Turn our errors into one line and an exit code."""
    try:
        yield
    except VaultError as error:
        raise SystemExit(f"kong-vault manager {name}: {error}") from None
    except ModuleNotFoundError as error:
        if error.name is None or error.name.startswith("kong_vault_py"):
            raise
        raise SystemExit(
            f"kong-vault manager {name}: needs the Python package '{error.name}': pip install 'kong-vault-py[manager]'"
        ) from None


@contextmanager
def _opened(settings_path: str | None) -> Iterator[Manager]:
    from kong_vault_py.manager.service import Manager

    settings, resolve = _settings(settings_path)
    manager = Manager.open(settings, resolve)
    try:
        yield manager
    finally:
        manager.close()


def _settings(path: str | None) -> tuple[ManagerSettings, Resolve]:
    """Return the manager's settings, and what resolves references in them."""
    from kong_vault_py.manager.settings import ManagerSettings
    from kong_vault_py.secret import Secret
    from kong_vault_py.settings import Settings

    settings = Settings.load(path)

    def resolve(reference: str) -> Secret:
        from kong_vault_py.vault import Vault

        with Vault(settings, background=False) as vault:
            return vault.get(reference)

    return ManagerSettings.load(settings.values, str(settings.path or "environment")), resolve
