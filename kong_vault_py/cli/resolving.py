"""What commands that resolve references have together: where settings come from, the resolver, a masked stderr."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kong_vault_py.errors import VaultError
from kong_vault_py.secret import MaskingFilter

if TYPE_CHECKING:
    from kong_vault_py.settings import Settings
    from kong_vault_py.vault import Vault

__all__ = ["braced", "load_settings", "masked_stderr", "resolver", "settings_option", "timeout_option"]

F = TypeVar("F", bound=Callable[..., Any])


def settings_option(command: F) -> F:
    """Add ``--settings`` to a command, as ``settings_path``."""
    return click.option(
        "--settings",
        "settings_path",
        type=click.Path(dir_okay=False),
        help="Settings file in kong.conf's format [default: $KONG_VAULT_PY_SETTINGS].",
    )(command)


def timeout_option(told: str) -> Callable[[F], F]:
    """Return what adds ``--timeout`` to a command, as ``timeout_s`` in seconds, with ``told`` as its help."""
    return click.option(
        "--timeout",
        "timeout_s",
        type=click.FloatRange(0.1, 300),
        default=5.0,
        show_default=True,
        metavar="SECONDS",
        help=told,
    )


def braced(reference: str) -> str:
    """Return a reference with its braces, which a shell's user may leave out, as with ``kong vault get``."""
    return reference if reference.startswith("{") else f"{{{reference}}}"


def masked_stderr(level: int = logging.ERROR) -> None:
    """Send log lines to standard error, with every live secret masked."""
    handler = logging.StreamHandler(sys.stderr)
    handler.addFilter(MaskingFilter())
    logging.basicConfig(level=level, handlers=[handler], format="kong-vault: %(message)s")
    # A settings file that others can read is told on every use of it.
    logging.getLogger("kong_vault_py.settings").setLevel(min(level, logging.WARNING))


def load_settings(command: str, path: str | None) -> Settings:
    """Read the settings, and say which of them nobody reads.

    Raises:
        ConfigError: they are wrong.
    """
    from kong_vault_py.settings import Settings

    settings = Settings.load(path)
    if settings.values:
        from kong_vault_py.diagnosis.unread_keys import unread_keys

        for key, hint in unread_keys(settings.values):
            click.echo(f"kong-vault {command}: nothing reads the setting '{key}': {hint}", err=True)
    return settings


@contextmanager
def resolver(command: str, settings_path: str | None) -> Iterator[Vault]:
    """Lend a resolver without background refreshes; an error that comes out ends the command in one line.

    Args:
        command: the command's name, for the message.
        settings_path: the settings file, ``None`` for the environment's choice.

    Raises:
        SystemExit: exit code 1, settings are wrong or a reference could not be resolved.
    """
    masked_stderr()
    from kong_vault_py.vault import Vault

    try:
        with Vault(load_settings(command, settings_path), background=False) as vault:
            yield vault
    except VaultError as error:
        raise SystemExit(f"kong-vault {command}: {error}") from None
