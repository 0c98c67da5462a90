"""``kong-vault lua-path``: where Kong finds the Lua vault strategies."""

from __future__ import annotations

from pathlib import Path

import click

__all__ = ["command", "package_path"]


def package_path() -> str:
    """Return the value of kong.conf's ``lua_package_path``; it ends with what is searched after it."""
    folder = Path(__file__).resolve().parent.parent / "lua"
    return f"{folder}/?.lua;{folder}/?/init.lua;;"


@click.command("lua-path")
@click.option("--conf", "form", flag_value="conf", help="As the line of kong.conf.")
@click.option("--env", "form", flag_value="env", help="As lines of a shell: for Kong, and for its command line.")
def command(form: str | None) -> None:
    """Print the lua_package_path with which Kong finds the vaults hcv, aws, gcp, azure, conjur, fs, konnect...

    Kong's command line doesn't apply lua_package_path while it reads kong.conf: references in kong.conf itself need
    LUA_PATH too, which --env prints beside it.

    \b
    Examples:
      kong-vault lua-path --conf >> /etc/kong/kong.conf
      eval "$(kong-vault lua-path --env)" && kong start

    \b
    Exit codes: 0 printed, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    path = package_path()
    if form == "conf":
        click.echo(f"lua_package_path = {path}")
    elif form == "env":
        click.echo(f"export KONG_LUA_PACKAGE_PATH='{path}'")
        click.echo(f"export LUA_PATH='{path}'")
    else:
        click.echo(path)
