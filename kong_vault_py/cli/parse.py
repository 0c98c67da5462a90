"""``kong-vault parse``: what a reference says, as Kong reads it."""

from __future__ import annotations

import json

import click

from kong_vault_py.cli.resolving import braced
from kong_vault_py.errors import InvalidReferenceError

__all__ = ["command"]


@click.command("parse")
@click.argument("reference")
@click.option("--why", is_flag=True, help="Say what one may not expect of it.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON object.")
def command(reference: str, why: bool, as_json: bool) -> None:
    """Show the components of REFERENCE as Kong reads them. Asks no vault.

    \b
    Examples:
      kong-vault parse '{vault://hcv/team/redis/password?ttl=30#2}'
      kong-vault parse --why 'vault://aws/team%2Fredis;a/password'

    \b
    Exit codes: 0 a valid reference, 1 not one, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    from kong_vault_py.reference import parse_reference
    from kong_vault_py.surprises import surprises

    text = braced(reference)
    try:
        parsed = parse_reference(text)
        told = surprises(text) if why else []
    except InvalidReferenceError as error:
        raise SystemExit(f"kong-vault parse: {error}") from None
    parts = {
        "prefix": parsed.name,
        "resource": parsed.resource,
        "key": parsed.key,
        "config": dict(parsed.config) if parsed.config is not None else None,
        "version": parsed.version,
    }
    if as_json:
        click.echo(json.dumps({**parts, **({"why": told} if why else {})}, indent=2))
        return
    for name, value in parts.items():
        if value is not None:
            shown = json.dumps(value, ensure_ascii=False) if name == "config" else value
            # Names that are no UTF-8 come out as they went in.
            click.echo(f"{name + ':':<10}{shown}".encode("utf-8", "surrogateescape"))
    for line in told:
        click.echo(f"- {line}")
    if why and not told:
        click.echo("- nothing surprising: it means what it says.")
