"""``kong-vault pluginserver``: serve Kong's Python plugins, or describe them to Kong."""

from __future__ import annotations

from pathlib import Path

import click

from kong_vault_py.errors import ConfigError
from kong_vault_py.pluginserver.serve import DEFAULT_EVENT_TIMEOUT_S, MAX_EVENT_TIMEOUT_S, ServeOptions, serve

__all__ = ["command"]

_LEVELS = ("debug", "info", "warning", "error")


def _mode(_context: click.Context, _parameter: click.Parameter, text: str) -> int:
    """Read permission bits in octal."""
    try:
        mode = int(text, 8)
    except ValueError:
        mode = -1
    if not 0 <= mode <= 0o777:
        raise click.BadParameter(f"{text!r} is no file mode such as 0660")
    return mode


@click.command("pluginserver")
@click.option(
    "-d",
    "--plugins-directory",
    "directories",
    multiple=True,
    required=True,
    type=click.Path(path_type=Path, file_okay=False),
    help="Directory with plugins, one .py file each. May be given several times; the first one's file wins.",
)
@click.option("--socket", type=click.Path(path_type=Path), help="Serve on this unix socket.")
@click.option("--socket-mode", callback=_mode, default="0600", show_default=True, help="The socket file's mode.")
@click.option("--socket-group", help="The socket file's group, by name or number.")
@click.option(
    "--settings",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Settings file for vaults, in kong.conf's format [default: $KONG_VAULT_PY_SETTINGS].",
)
@click.option("--log-level", type=click.Choice(_LEVELS), default="info", show_default=True, help="To standard error.")
@click.option(
    "--log-format", type=click.Choice(("line", "json")), default="line", show_default=True, help="One per record."
)
@click.option(
    "--dev", is_flag=True, help="For developers: load plugins again when they change, show tracebacks to clients."
)
@click.option("--lua-style", is_flag=True, help="PDK calls return (data, error), as kong-pdk's do by default.")
@click.option(
    "--event-timeout",
    "event_timeout_s",
    type=click.FloatRange(0, MAX_EVENT_TIMEOUT_S, min_open=True),
    default=DEFAULT_EVENT_TIMEOUT_S,
    show_default=True,
    metavar="SECONDS",
    help="How long a phase may take before its request is ended with 504.",
)
@click.option(
    "--parent-watch/--no-parent-watch",
    "watch_parent",
    default=True,
    show_default=True,
    help="Stop when the process that started the server dies.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    metavar="N",
    help="Processes that serve [default: vault_py_pluginserver_workers in the settings, 1].",
)
@click.option(
    "--busy-poll",
    "busy_poll_us",
    type=click.IntRange(0, 1000),
    default=0,
    show_default=True,
    metavar="MICROSECONDS",
    help="Look for another request for so long before sleeping: faster answers, for CPU that else is idle.",
)
@click.option(
    "--agent", is_flag=True, help="Serve as the node's agent too (see kong-vault agent), from the same cache."
)
@click.option("--dump", metavar="NAME", help="Print one plugin as JSON, for Kong's query command, and exit.")
@click.option("--dump-all", is_flag=True, help="Print all plugins as JSON and exit (for Kong before 3.9).")
@click.option(
    "--write-dumps",
    "dumps",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write each plugin's dump to NAME.json there, for gateways whose query command is cat.",
)
def command(
    directories: tuple[Path, ...],
    socket: Path | None,
    socket_mode: int,
    socket_group: str | None,
    settings: Path | None,
    log_level: str,
    log_format: str,
    dev: bool,
    lua_style: bool,
    event_timeout_s: float,
    watch_parent: bool,
    workers: int | None,
    busy_poll_us: int,
    agent: bool,
    dump: str | None,
    dump_all: bool,
    dumps: Path | None,
) -> None:
    """Serve Kong's Python plugins on a unix socket, or describe them to Kong.

    \b
    Examples:
      kong-vault pluginserver -d plugins --socket /run/kong/plugins.sock --settings vaults.conf
      kong-vault pluginserver -d plugins --dump vault-proxy-cache
      kong-vault pluginserver -d plugins --write-dumps /run/kong/dumps
    """  # noqa: D301 - click wants the backspace itself
    if sum((socket is not None, dump is not None, dump_all)) > 1:
        raise click.UsageError("--socket, --dump and --dump-all exclude each other")
    try:
        if socket is not None:
            _serve(
                log_level,
                log_format,
                directories=directories,
                socket=socket,
                socket_mode=socket_mode,
                socket_group=socket_group,
                settings=settings,
                dumps=dumps,
                lua_style=lua_style,
                event_timeout_s=event_timeout_s,
                watch_parent=watch_parent,
                workers=workers or 0,
                busy_poll_us=busy_poll_us,
                agent=agent,
                dev=dev,
            )
        elif dump is None and not dump_all and dumps is None:
            raise click.UsageError("one of --socket, --dump, --dump-all and --write-dumps is needed")
        else:
            _dump(directories, dump, dump_all, dumps)
    except ConfigError as error:
        raise SystemExit(f"kong-vault pluginserver: {error}") from None


def _serve(log_level: str, log_format: str, **options: object) -> None:
    from kong_vault_py.pluginserver.logs import set_up_logging

    set_up_logging(log_level, log_format)
    serve(ServeOptions(**options))  # type: ignore[arg-type]


def _dump(directories: tuple[Path, ...], name: str | None, everything: bool, dumps: Path | None) -> None:
    """Load plugins only: no gevent, no vault, nothing that a dump doesn't need."""
    from kong_vault_py.pluginserver.dump import to_json, write_dumps
    from kong_vault_py.pluginserver.plugins import find_plugins, load_all, load_plugin

    if name is not None:
        paths = find_plugins(directories)
        if name not in paths:
            known = ", ".join(paths) or "none"
            raise ConfigError(f"no plugin '{name}' in {', '.join(map(str, directories))} (there: {known})")
        loaded = [load_plugin(name, paths[name])]
        broken = []
    else:
        catalog = load_all(directories)
        loaded, broken = list(catalog.plugins.values()), list(catalog.broken.values())
    if dumps is not None:
        write_dumps(dumps, loaded)
    if name is not None or everything:
        click.echo(to_json(loaded))
    if broken:
        raise SystemExit("\n".join(f"kong-vault pluginserver: {reason}" for reason in broken))
