"""``kong-vault doctor``: one screen that says why something doesn't work on this machine, and what to do."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from kong_vault_py.cli.resolving import masked_stderr, settings_option, timeout_option

if TYPE_CHECKING:
    from kong_vault_py.diagnosis.finding import Finding

__all__ = ["command"]

_SIGNS = {"ok": ("✓", "green"), "warning": ("!", "yellow"), "failure": ("✗", "red")}


@click.command("doctor")
@click.option(
    "--kong-conf",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Look at plugin servers and Lua strategies as this kong.conf has them, too. Runs its query commands.",
)
@click.option("--agent-socket", type=click.Path(path_type=Path), help="Look at an agent's socket, too.")
@timeout_option("For each answer that is waited for.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of findings.")
@settings_option
def command(
    kong_conf: Path | None, agent_socket: Path | None, timeout_s: float, as_json: bool, settings_path: str | None
) -> None:
    """Say why a plugin server, an agent or a vault doesn't work on this machine, each with its remedy.

    Run it as the user who runs Kong. It looks at the settings and their mode, at what a server started by Kong won't
    have of this shell's environment, at each vault (login, certificate, clock), and at kong.conf if it is named.

    \b
    Examples:
      kong-vault doctor --settings /etc/kong/kong-vault.conf
      sudo -u kong kong-vault doctor --kong-conf /etc/kong/kong.conf --settings /etc/kong/kong-vault.conf

    \b
    Exit codes: 0 nothing fails (warnings may be there), 1 something does, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    from kong_vault_py.diagnosis.finding import Grade

    masked_stderr()
    findings = []
    for finding in _findings(settings_path, kong_conf, agent_socket, timeout_s):
        findings.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        click.echo(json.dumps([{**f._asdict(), "grade": f.grade.value} for f in findings], indent=2))
    if any(finding.grade is Grade.FAILURE for finding in findings):
        sys.exit(1)


def _findings(
    settings_path: str | None, kong_conf: Path | None, agent_socket: Path | None, timeout_s: float
) -> Iterator[Finding]:
    from kong_vault_py.diagnosis.finding import fail, fine
    from kong_vault_py.diagnosis.of_kong_conf import of_kong_conf
    from kong_vault_py.diagnosis.of_settings import of_settings
    from kong_vault_py.diagnosis.of_sockets import of_socket
    from kong_vault_py.diagnosis.of_vaults import of_vaults
    from kong_vault_py.errors import VaultError
    from kong_vault_py.settings import Settings
    from kong_vault_py.vault import Vault

    yield fine("python", f"{sys.version.split()[0]} at {sys.executable}")
    yield from of_settings(settings_path, os.environ)
    try:
        with Vault(Settings.load(settings_path), background=False) as vault:
            yield from of_vaults(vault, timeout_s=timeout_s)
    except VaultError as error:
        yield fail("vaults", str(error), "mend that first: nothing can be resolved")
    if agent_socket is not None:
        start = "start it: kong-vault agent, or systemctl start kong-vault-agent"
        yield from of_socket("agent", agent_socket, timeout_s=timeout_s, start=start)
    if kong_conf is not None:
        yield from of_kong_conf(kong_conf, os.environ, timeout_s=timeout_s)


def _print(finding: Finding) -> None:
    sign, colour = _SIGNS[finding.grade.value]
    click.echo(f"{click.style(sign, fg=colour)} {finding.topic}: {finding.text}")
    if finding.remedy:
        click.echo(f"  -> {finding.remedy}")
