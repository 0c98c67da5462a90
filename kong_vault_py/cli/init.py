"""``kong-vault init``: write the first files of an installation."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kong_vault_py.errors import ConfigError

if TYPE_CHECKING:
    from kong_vault_py.scaffold.choice import Choice

__all__ = ["command"]

_WHAT = ("settings", "kong-conf", "systemd", "compose")


@click.command("init")
@click.argument("what", type=click.Choice(_WHAT))
@click.option("--vault", "vaults", multiple=True, metavar="NAME", help="A strategy, such as hcv or aws [default: hcv].")
@click.option("--plugin", "plugins", multiple=True, metavar="NAME", help="A plugin [default: vault-proxy-cache].")
@click.option("--settings", type=click.Path(path_type=Path), help="Where the settings file will be.")
@click.option("--socket", type=click.Path(path_type=Path), help="Where the plugin server's socket will be.")
@click.option("--plugins-directory", type=click.Path(path_type=Path), help="Where the plugins lie.")
@click.option("--managed", is_flag=True, help="kong-conf: the server is managed elsewhere, so without a start command.")
@click.option("-o", "--output", type=click.Path(path_type=Path, dir_okay=False), help="Write to this new file.")
def command(
    what: str,
    vaults: tuple[str, ...],
    plugins: tuple[str, ...],
    settings: Path | None,
    socket: Path | None,
    plugins_directory: Path | None,
    managed: bool,
    output: Path | None,
) -> None:
    """Write a working start: a settings file, the lines for kong.conf, a systemd unit, or a compose file.

    Prints it, or writes a new file with -o (a settings file with mode 0600); an existing file is never overwritten.

    \b
    Examples:
      kong-vault init settings --vault hcv --vault aws -o /etc/kong/kong-vault.conf
      kong-vault init kong-conf --plugin vault-proxy-cache --plugin vault-auth >> /etc/kong/kong.conf
      kong-vault init systemd -o /etc/systemd/system/kong-vault-pluginserver.service
      kong-vault init compose --vault hcv -o docker-compose.yml

    \b
    Exit codes: 0 written, 1 not written, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    from kong_vault_py.scaffold.choice import Choice

    chosen = Choice(vaults or ("hcv",), plugins or ("vault-proxy-cache",))
    given = {"settings": settings, "socket": socket, "plugins_directory": plugins_directory}
    places: dict[str, Any] = {name: path.absolute() for name, path in given.items() if path is not None}
    chosen = replace(chosen, **places)
    try:
        chosen.check()
        text = _text(what, chosen, started_by_kong=not managed)
        if output is None:
            click.echo(text, nl=False)
        else:
            _write(output, text, mode=0o600 if what == "settings" else 0o644)
    except ConfigError as error:
        raise SystemExit(f"kong-vault init: {error}") from None


def _text(what: str, choice: Choice, *, started_by_kong: bool) -> str:
    if what == "settings":
        from kong_vault_py.scaffold.settings_file import settings_file

        return settings_file(choice)
    if what == "kong-conf":
        from kong_vault_py.scaffold.kong_conf import kong_conf

        return kong_conf(choice, started_by_kong=started_by_kong)
    if what == "systemd":
        from kong_vault_py.scaffold.systemd_unit import systemd_unit

        return systemd_unit(choice)
    from kong_vault_py.scaffold.compose_file import compose_file

    return compose_file(choice)


def _write(path: Path, text: str, *, mode: int) -> None:
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
            file.write(text)
    except FileExistsError:
        raise ConfigError(f"{path} exists; it is not overwritten") from None
    except OSError as error:
        raise ConfigError(f"can't write {path}: {error.strerror}") from None
    click.echo(f"wrote {path}", file=sys.stderr)
