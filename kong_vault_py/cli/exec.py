"""``kong-vault exec``: a command with secrets in its environment."""

from __future__ import annotations

import logging
import os
import signal
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kong_vault_py.cli.resolving import load_settings, masked_stderr, settings_option
from kong_vault_py.errors import VaultError

if TYPE_CHECKING:
    from kong_vault_py.vault import Vault

__all__ = ["command"]

_RESTART = "restart"
_FILE = click.Path(path_type=Path, dir_okay=False)


def _watch(_context: click.Context, _parameter: click.Parameter, text: str | None) -> int | str | None:
    """Read ``restart`` or ``signal:HUP``."""
    if text is None or text == _RESTART:
        return text
    kind, _, name = text.partition(":")
    found = getattr(signal, f"SIG{name.upper().removeprefix('SIG')}", None)
    if kind != "signal" or not isinstance(found, signal.Signals):
        raise click.BadParameter(f"{text!r} is neither 'restart' nor 'signal:' with a name such as HUP")
    return int(found)


@click.command("exec", context_settings={"allow_interspersed_args": False})
@click.option("--env-file", "env_files", multiple=True, type=_FILE, help="Variables as NAME=value. May be repeated.")
@click.option("--from", "mappings", multiple=True, type=_FILE, help="Variables of a YAML, JSON or kong.conf file.")
@click.option("--inherit/--pristine", default=True, show_default=True, help="Pass on the caller's variables, or not.")
@click.option("--only-missing-ok", is_flag=True, help="Leave a variable out whose secret is absent; else don't start.")
@click.option(
    "--watch", callback=_watch, metavar="restart|signal:NAME", help="Restart or signal CMD when a secret is rotated."
)
@click.option(
    "--stop-timeout",
    "stop_timeout_s",
    type=click.FloatRange(0),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="Between SIGTERM and SIGKILL at a restart.",
)
@click.option("--mask-output", is_flag=True, help="Replace secrets in what CMD prints by ****.")
@click.option("--pass-settings", is_flag=True, help="Pass KONG_VAULT_* on too; they may hold our credentials.")
@click.option("--only-prefix", multiple=True, metavar="PREFIX", help="Replace this vault's references only.")
@click.option("--exclude-prefix", multiple=True, metavar="PREFIX", help="Leave this vault's references to Kong.")
@settings_option
@click.argument("cmd", nargs=-1, required=True, type=click.UNPROCESSED)
def command(
    env_files: tuple[Path, ...],
    mappings: tuple[Path, ...],
    inherit: bool,
    only_missing_ok: bool,
    watch: int | str | None,
    stop_timeout_s: float,
    mask_output: bool,
    pass_settings: bool,
    only_prefix: tuple[str, ...],
    exclude_prefix: tuple[str, ...],
    settings_path: str | None,
    cmd: tuple[str, ...],
) -> None:
    """Run CMD with every {vault://...} in its environment replaced by its secret.

    References are taken from inherited variables, then --from, then --env-file, each over the ones before. If one
    fails, all that failed are named and CMD is not started. CMD takes this process's place, with its signals, exit
    code and terminal; with --watch or --mask-output it is a child that gets the signals and gives the exit code.

    \b
    Examples:
      PGPASSWORD='{vault://hcv/postgres/password}' kong-vault exec -- psql
      kong-vault exec --env-file kong.env -- kong start
      kong-vault exec --from kong.conf -- kong start
      kong-vault exec --env-file app.env --watch restart --mask-output -- ./app

    \b
    Exit codes: CMD's own, 128 and more for the signal that killed it; 1 a reference failed; 2 misuse;
    126 CMD can't be run; 127 there is no CMD.
    """  # noqa: D301 - click wants the backspace itself
    if not cmd[0]:
        raise click.UsageError("CMD is empty")
    masked_stderr(logging.INFO if watch else logging.ERROR)
    from kong_vault_py.child_process.environment import Environment
    from kong_vault_py.child_process.program import StartError
    from kong_vault_py.child_process.running import Run, UnresolvedError
    from kong_vault_py.child_process.supervisor import Reaction
    from kong_vault_py.rendering.references import Prefixes

    try:
        variables = _variables(env_files, mappings, inherit, pass_settings)
        environment = Environment.of(variables, Prefixes(frozenset(only_prefix), frozenset(exclude_prefix)))
        run = Run(cmd, environment, only_missing_ok, _tell)
        if watch is None and not mask_output:
            run.here(lambda: _vault(settings_path, background=False))
        reaction = Reaction(watch if isinstance(watch, int) else None, stop_timeout_s) if watch else None
        code = run.below(
            lambda: _vault(settings_path, background=watch is not None), mask_output=mask_output, reaction=reaction
        )
    except StartError as error:
        _tell(str(error))
        raise SystemExit(error.exit_code) from None
    except UnresolvedError as error:
        raise SystemExit("\n".join(f"kong-vault exec: {problem}" for problem in error.problems)) from None
    except VaultError as error:
        raise SystemExit(f"kong-vault exec: {error}") from None
    raise SystemExit(code)


def _tell(line: str) -> None:
    click.echo(f"kong-vault exec: {line}", err=True)


def _vault(settings_path: str | None, *, background: bool) -> Vault:
    from kong_vault_py.vault import Vault

    return Vault(load_settings("exec", settings_path), background=background)


def _variables(
    env_files: tuple[Path, ...], mappings: tuple[Path, ...], inherit: bool, pass_settings: bool
) -> dict[str, str]:
    from kong_vault_py.child_process.environment import (
        base_variables,
        read_env_file,
        read_mapping,
        without_settings,
    )

    found = dict(os.environ) if inherit else base_variables(os.environ)
    if not pass_settings:
        found = without_settings(found)
    for path in mappings:
        found |= read_mapping(path)
    for path in env_files:
        found |= read_env_file(path, os.environ)
    return found
