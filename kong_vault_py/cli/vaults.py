"""``kong-vault vaults``: the vault entities that this machine knows, and how each of them is."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import TYPE_CHECKING

import click

from kong_vault_py.cli.progress import Progress
from kong_vault_py.cli.resolving import resolver, settings_option, timeout_option

if TYPE_CHECKING:
    from kong_vault_py.strategies.base import Health

__all__ = ["command"]

_COLOURS = {"ok": "green", "unavailable": "red", "unknown": "yellow"}


@click.command("vaults")
@click.argument("prefixes", metavar="[PREFIX]...", nargs=-1)
@click.option("--no-check", is_flag=True, help="List them without asking them anything.")
@timeout_option("For each vault's answer.")
@click.option("--json", "as_json", is_flag=True, help="Print a JSON list of objects.")
@settings_option
def command(
    prefixes: tuple[str, ...], no_check: bool, timeout_s: float, as_json: bool, settings_path: str | None
) -> None:
    """List the vaults that settings and the entities file configure, and ask each how it is.

    With PREFIXes only these; a strategy that needs no configuration, such as env, can be named too. A vault that works
    is "ok"; one that can't be reached is "unavailable"; "unknown" says what keeps us from finding out.

    \b
    Examples:
      kong-vault vaults
      kong-vault vaults hcv --timeout 2
      kong-vault vaults --json | jq -r '.[] | select(.status != "ok") | .detail'

    \b
    Exit codes: 0 all are ok, 1 at least one is not, 2 misuse.
    """  # noqa: D301 - click wants the backspace itself
    from kong_vault_py.strategies.base import HealthStatus

    with resolver("vaults", settings_path) as vault:
        known = {entity.prefix: entity for entity in vault.entities()}
        names = list(dict.fromkeys(prefixes)) or list(known)

        def check(prefix: str) -> Health:
            return vault.check(prefix, timeout_s=timeout_s)

        healths = [None] * len(names) if no_check else _check_all(check, names)
    rows = [
        {
            "prefix": name,
            "strategy": known[name].name if name in known else name,
            "source": known[name].source if name in known else _source(name),
            "status": health.status.value if health else None,
            "detail": health.detail if health else "",
        }
        for name, health in zip(names, healths, strict=True)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2))
    else:
        _print(rows)
    if any(health is not None and health.status is not HealthStatus.OK for health in healths):
        sys.exit(1)


def _source(name: str) -> str:
    from kong_vault_py.strategies.registry import strategy_names

    return "built in" if name in strategy_names() else "not configured"


def _check_all(check: Callable[[str], Health], names: list[str]) -> list[Health | None]:
    """Ask all side by side, and say how many have answered."""
    pool = ThreadPoolExecutor(max_workers=16)
    try:
        with Progress("asking vaults") as progress:
            asked = [pool.submit(check, name) for name in names]
            for done, _ in enumerate(as_completed(asked), 1):
                progress(done, len(names))
            return [future.result() for future in asked]
    finally:
        # After Ctrl-C nobody waits for an answer.
        pool.shutdown(wait=False, cancel_futures=True)


def _print(rows: list[dict[str, str | None]]) -> None:
    if not rows:
        click.echo("no vault is configured; see docs/settings.md, or name a strategy: kong-vault vaults env")
    width = max((len(row["prefix"] or "") for row in rows), default=0)
    for row in rows:
        status = row["status"]
        shown = click.style(f"{status:<12}", fg=_COLOURS[status]) if status else ""
        strategy = "" if row["strategy"] == row["prefix"] else f" ({row['strategy']})"
        detail = f": {row['detail']}" if row["detail"] else ""
        click.echo(f"{row['prefix']:<{width}}  {shown}{row['source']}{strategy}{detail}")
