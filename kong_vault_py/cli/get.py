"""``kong-vault get``: resolve references, as ``kong vault get`` does one."""

from __future__ import annotations

import base64
import json
import sys
from typing import TYPE_CHECKING, Any

import click

from kong_vault_py.cli.resolving import braced, resolver, settings_option
from kong_vault_py.errors import VaultError

if TYPE_CHECKING:
    from kong_vault_py.status import Lookup
    from kong_vault_py.vault import Vault

__all__ = ["command"]


@click.command("get")
@click.argument("references", metavar="REFERENCE...", nargs=-1, required=True)
@click.option("--show-meta", is_flag=True, help="Print strategy, version and ttl beside each value.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects, metadata included.")
@click.option("-n", "--no-newline", is_flag=True, help="Print the values as they are, with nothing between or behind.")
@settings_option
def command(
    references: tuple[str, ...], show_meta: bool, as_json: bool, no_newline: bool, settings_path: str | None
) -> None:
    """Print the secrets that REFERENCEs stand for, a line each.

    The braces may be left out, as with `kong vault get`: vault://hcv/redis/password. Settings come from a file in
    kong.conf's format and from KONG_VAULT_* in the environment, which wins. If one of several can't be resolved, none
    is printed.

    \b
    Examples:
      kong-vault get '{vault://env/my-secret}'
      kong-vault get --show-meta vault://hcv/redis/password
      kong-vault get --json vault://aws/db/username vault://aws/db/password
      KONG_VAULT_HCV_HOST=vault.internal kong-vault get vault://hcv/redis/password

    \b
    Exit codes: 0 resolved, 1 not resolved, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    if no_newline and (show_meta or as_json):
        raise click.UsageError("--no-newline is for bare values: leave out --show-meta and --json")
    with resolver("get", settings_path) as vault:
        found = _look_up(vault, [braced(reference) for reference in references])
        if as_json:
            click.echo(json.dumps([_as_json(reference, lookup) for reference, lookup in found.items()], indent=2))
            return
        for reference, lookup in found.items():
            if show_meta:
                click.echo(f"{reference}\n  {_described(lookup)}\n  value: ", nl=False)
            # Only now, and only here: the value as it is, bytes that are no text included.
            click.echo(lookup.secret.reveal_bytes(), nl=not no_newline)


def _look_up(vault: Vault, references: list[str]) -> dict[str, Lookup]:
    """Look all up, each resource fetched once and all together; print what fails and exit where any does."""
    failures: dict[str, VaultError] = {}
    if len(references) > 1:
        from kong_vault_py.cli.progress import Progress

        with Progress("fetching secrets") as progress:
            failures = vault.get_all(references, progress=progress).failures
    found = {}
    for reference in dict.fromkeys(references):
        if reference not in failures:
            try:
                found[reference] = vault.lookup(reference)
            except VaultError as error:
                failures[reference] = error
    if failures:
        for failure in failures.values():
            click.echo(f"kong-vault get: {failure}", err=True)
        sys.exit(1)
    return found


def _described(lookup: Lookup) -> str:
    from kong_vault_py.cli.durations import spoken

    version = "current" if lookup.version is None else f"{lookup.version:g}"
    ttl = "never refreshed" if lookup.ttl_s is None else f"next refresh in {spoken(lookup.ttl_s)}"
    return f"strategy: {lookup.strategy}, vault: {lookup.prefix}, version: {version}, {ttl}"


def _as_json(reference: str, lookup: Lookup) -> dict[str, Any]:
    raw = lookup.secret.reveal_bytes()
    try:
        value, encoding = raw.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        value, encoding = base64.b64encode(raw).decode("ascii"), "base64"
    return {
        "reference": reference,
        "value": value,
        "encoding": encoding,
        "strategy": lookup.strategy,
        "prefix": lookup.prefix,
        "version": lookup.version,
        "ttl": lookup.ttl_s,
    }
