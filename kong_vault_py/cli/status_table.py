"""The status of a resolver as lines for people: counts, then a table of resources, those that fail first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from kong_vault_py.cli.durations import spoken

__all__ = ["lines"]

_HEADS = ("REFERENCE", "STRATEGY", "AGE", "REFRESH", "HITS", "STATE")
#: A refresh begins a little after it is due; later than this it is worth a look.
_LATE_S = 5.0


def lines(status: Mapping[str, Any], rate: float | None, where: str) -> Iterator[str]:
    """Write a status, as :class:`kong_vault_py.status.VaultStatus` gives it for JSON.

    Args:
        status: the plain data.
        rate: look-ups per second, where that is known.
        where: who was asked.
    """
    counts, resources = status["counts"], status["resources"]
    looked_up = counts["hits"] + counts["misses"]
    share = f" ({100 * counts['hits'] / looked_up:.4g} % from the cache)" if looked_up else ""
    speed = "" if rate is None else f", {rate:.3g} a second"
    yield f"{where}: {_many(looked_up, 'look-up')}{share}{speed}"
    yield (
        f"{_many(counts['fetches'], 'fetch', 'fetches')}, {counts['failures']} of them failed; "
        f"{_many(len(resources), 'resource')} kept, {_many(counts['evictions'], 'value')} evicted"
    )
    if status.get("manager"):
        yield _manager(status["manager"])
    if resources:
        yield ""
        yield from _table([_row(resource) for resource in sorted(resources, key=_order)])


def _manager(manager: Mapping[str, Any]) -> str:
    heard, revision = manager["last_sync_age_s"], manager["revision"]
    facts = [
        click.style("connected", fg="green") if manager["connected"] else click.style("no answer", fg="red"),
        "no vault entities yet" if revision is None else f"{_many(manager['vaults'], 'vault')} of revision {revision}",
        "never heard of" if heard is None else f"heard of {spoken(max(0.0, float(round(heard))))} ago",
    ]
    told = f": {manager['error']}" if manager["error"] else ""
    return f"manager {manager['url']}: {', '.join(facts)}{told}"


def _order(resource: Mapping[str, Any]) -> tuple[bool, bool, str]:
    """Put those without a value first, then those whose refresh fails, then the others."""
    return not resource["failures"], resource["serve_for_s"] is not None, _name(resource)


def _row(resource: Mapping[str, Any]) -> tuple[str, ...]:
    age, refresh = resource["age_s"], resource["refresh_in_s"]
    return (
        _name(resource),
        resource["strategy"] or "-",
        "-" if age is None else spoken(max(0.0, age)),
        _refresh(refresh),
        str(resource["hits"]),
        _state(resource),
    )


def _name(resource: Mapping[str, Any]) -> str:
    references = resource["references"] or [f"{{vault://{resource['prefix']}/...}}"]
    return references[0] if len(references) == 1 else f"{references[0]} +{len(references) - 1}"


def _refresh(in_s: float | None) -> str:
    if in_s is None:
        return "never"
    if in_s >= 0:
        return f"in {spoken(float(round(in_s)))}"
    return "now" if in_s > -_LATE_S else f"{spoken(float(round(-in_s)))} late"


def _state(resource: Mapping[str, Any]) -> str:
    if not resource["failures"]:
        return click.style("ok", fg="green")
    times = _many(resource["failures"], "failure")
    left_s = resource["serve_for_s"]
    if left_s is None or left_s <= 0:
        state = click.style(f"no value, {times}", fg="red")
    else:
        # Longer than a year: without end.
        rest = "" if left_s > 366 * 86400 else f" for {spoken(left_s)}"
        state = click.style(f"old value served{rest}, {times}", fg="yellow")
    return f"{state}: {resource['error']}" if resource["error"] else state


def _table(rows: Sequence[tuple[str, ...]]) -> Iterator[str]:
    table = [_HEADS, *rows]
    widths = [max(len(row[column]) for row in table) for column in range(len(_HEADS) - 1)]
    for row in table:
        yield "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]])


def _many(count: int, one: str, more: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else more or one + 's'}".replace(",", " ")
