"""``kong-vault agent``: the node's resolver, on a unix socket."""

from __future__ import annotations

from pathlib import Path

import click

from kong_vault_py.errors import ConfigError

__all__ = ["command"]

_LEVELS = ("debug", "info", "warning", "error")


@click.command("agent")
@click.option(
    "--socket", type=click.Path(path_type=Path), help="Serve on this unix socket [default: vault_py_agent_socket]."
)
@click.option(
    "--listen", metavar="ADDRESS:PORT", help="Serve on this loopback port too [default: vault_py_agent_listen]."
)
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file in kong.conf's format [default: $KONG_VAULT_PY_SETTINGS].",
)
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True, help="To standard error.")
def command(socket: Path | None, listen: str | None, settings: Path | None, log_level: str) -> None:
    """Serve secrets to this node: to Kong's Lua, to plugin servers, to scripts.

    The other options are settings: vault_py_agent_socket_mode, _socket_group, _token_file, _accept_config, _warmup.

    \b
    Examples:
      kong-vault agent --settings /etc/kong/kong-vault.conf
      kong-vault agent --socket /run/kong-vault/agent.sock --log-level debug
      curl --unix-socket /run/kong-vault/agent.sock http://localhost/v1/ready
    """  # noqa: D301 - click wants the backspace itself
    from kong_vault_py.agent.serve import serve
    from kong_vault_py.pluginserver.logs import set_up_logging

    set_up_logging(log_level)
    try:
        serve(settings, socket=socket, listen=listen)
    except ConfigError as error:
        raise SystemExit(f"kong-vault agent: {error}") from None
