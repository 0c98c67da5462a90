"""``kong-vault status``: what a running agent or plugin server keeps, how fresh it is, and what fails."""

from __future__ import annotations

import http.client
import json
import socket
import sys
import time
from pathlib import Path
from typing import Any

import click

from kong_vault_py.cli.resolving import load_settings, masked_stderr, settings_option, timeout_option
from kong_vault_py.errors import ConfigError, UnavailableError, VaultError

__all__ = ["command"]

_AGENT = "vault_py_agent_socket"
_PLUGIN_SERVER = "vault_py_pluginserver_status_socket"
_CLEAR_SCREEN = "\x1b[H\x1b[2J\x1b[3J"
_OK = 200


@click.command("status")
@click.option("--socket", type=click.Path(path_type=Path), help=f"The server's socket [default: setting {_AGENT}].")
@click.option("--pluginserver", is_flag=True, help=f"Ask the plugin server: setting {_PLUGIN_SERVER}.")
@click.option("--check", is_flag=True, help="Exit 1 if the last fetch of any resource failed.")
@click.option("--watch", is_flag=True, help="Show it again and again, until Ctrl-C.")
@click.option(
    "--interval",
    "interval_s",
    type=click.FloatRange(0.1, 3600),
    default=2.0,
    show_default=True,
    metavar="SECONDS",
    help="Between two looks of --watch.",
)
@timeout_option("For an answer.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object; with --watch one per line.")
@settings_option
def command(
    socket: Path | None,
    pluginserver: bool,
    check: bool,
    watch: bool,
    interval_s: float,
    timeout_s: float,
    as_json: bool,
    settings_path: str | None,
) -> None:
    """Show what a running agent or plugin server keeps: cache, rotation, last errors, hit rate.

    Those that fail stand first. No value is shown, nor is any in what the server tells.

    \b
    Examples:
      kong-vault status
      kong-vault status --socket /run/kong-vault/agent.sock --watch
      kong-vault status --pluginserver --check > /dev/null || echo "a secret is not fresh"
      kong-vault status --json | jq -r '.resources[] | select(.error) | .references[0] + ": " + .error'

    \b
    Exit codes: 0 shown, 1 nobody answers, or something fails (--check), 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    if watch and check:
        raise click.UsageError("--watch and --check exclude each other")
    if socket is not None and pluginserver:
        raise click.UsageError("--socket and --pluginserver exclude each other")
    masked_stderr()
    try:
        path = str(socket or _configured(_PLUGIN_SERVER if pluginserver else _AGENT, settings_path))
        if watch:
            _watch(path, interval_s, timeout_s, as_json=as_json)
        status = _ask(path, timeout_s)
        _print(status, None, path, as_json=as_json)
    except VaultError as error:
        raise SystemExit(f"kong-vault status: {error}") from None
    if check and any(resource["failures"] for resource in status["resources"]):
        sys.exit(1)


def _configured(key: str, settings_path: str | None) -> str:
    settings = load_settings("status", settings_path)
    found = settings.values.get(key) or getattr(settings.runtime, key.removeprefix("vault_py_"), None)
    if not found:
        raise ConfigError(f"which socket? Give --socket, or the setting {key}, which the server needs too")
    return str(found)


def _watch(path: str, interval_s: float, timeout_s: float, *, as_json: bool) -> None:
    """Show the status until interrupted. A server that goes away is waited for."""
    before: tuple[float, int] | None = None
    while True:
        asked_at = time.monotonic()
        try:
            status = _ask(path, timeout_s)
        except VaultError as error:
            click.echo(f"kong-vault status: {error}", err=True)
            before = None
        else:
            counts = status["counts"]
            looked_up = counts["hits"] + counts["misses"]
            rate = (looked_up - before[1]) / (asked_at - before[0]) if before else None
            if sys.stdout.isatty() and not as_json:
                click.echo(_CLEAR_SCREEN, nl=False)
            _print(status, rate, path, as_json=as_json, compact=True)
            before = (asked_at, looked_up)
        time.sleep(interval_s)


def _print(status: dict[str, Any], rate: float | None, path: str, *, as_json: bool, compact: bool = False) -> None:
    if as_json:
        click.echo(json.dumps(status, indent=None if compact else 2))
        return
    from kong_vault_py.cli.status_table import lines

    for line in lines(status, rate, path):
        click.echo(line)


def _ask(path: str, timeout_s: float) -> dict[str, Any]:
    """Return what the server on a unix socket tells of itself.

    Raises:
        UnavailableError: nobody answers there, or not what a server of ours would.
    """
    connection = _UnixConnection(path, timeout_s)
    try:
        connection.request("GET", "/v1/status")
        response = connection.getresponse()
        body = response.read()
        found = json.loads(body) if response.status == _OK else None
        if isinstance(found, dict) and isinstance(found.get("resources"), list) and "counts" in found:
            return found
        raise UnavailableError(f"{path}: it answers with status {response.status}, and not with its own status")
    except TimeoutError:
        raise UnavailableError(f"{path}: no answer within {timeout_s:g} s") from None
    except PermissionError:
        raise UnavailableError(f"{path}: this user may not connect: run it as the user who runs the server") from None
    except OSError as error:
        reason = error.strerror or str(error)
        raise UnavailableError(f"{path}: {reason}; is the agent or plugin server running?") from None
    except (http.client.HTTPException, ValueError):
        raise UnavailableError(f"{path}: what answers there is no agent, and no plugin server's status") from None
    finally:
        connection.close()


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: str, timeout_s: float) -> None:
        super().__init__("localhost", timeout=timeout_s)
        self._path = path

    def connect(self) -> None:
        """Connect to the unix socket."""
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)
