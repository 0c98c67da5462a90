"""A node's last report as the page shows it. It came from outside: whatever has another form is left out."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.manager.page.screen import utc_text

__all__ = ["NodeReport", "ResourceReport"]

#: Seconds of silence after which a node is told to be late.
LATE_AFTER_S = 300
_MAX_CHARS = 300
_MAX_ABOUT = 20
_MAX_RESOURCES = 10_000
_MAX_REFERENCES = 50
_YEAR_10000 = 253_402_300_800
_COUNTS = ("hits", "misses", "fetches", "failures", "evictions")


@dataclass(frozen=True)
class ResourceReport:
    """One resource in a node's cache; see :class:`kong_vault_py.status.ResourceStatus`."""

    references: tuple[str, ...]
    prefix: str
    strategy: str
    hits: float | None
    age_s: float | None
    refresh_in_s: float | None
    serve_for_s: float | None
    failures: int
    error: str

    @classmethod
    def of(cls, given: Mapping[str, Any]) -> ResourceReport:
        """Read what a node sent."""
        references = given.get("references")
        texts = references[:_MAX_REFERENCES] if isinstance(references, list) else [given.get("reference")]
        return cls(
            references=tuple(_text(text) for text in texts if isinstance(text, str)),
            prefix=_text(given.get("prefix")),
            strategy=_text(given.get("strategy")),
            hits=_number(given.get("hits")),
            age_s=_number(given.get("age_s")),
            refresh_in_s=_number(given.get("refresh_in_s")),
            serve_for_s=_number(given.get("serve_for_s")),
            failures=int(_number(given.get("failures")) or 0),
            error=_text(given.get("error")),
        )

    @property
    def failing(self) -> bool:
        """Whether its last fetch failed."""
        return self.failures > 0 or bool(self.error)


@dataclass(frozen=True)
class NodeReport:
    """A node, and what it reported last.

    Attributes:
        silent_s: seconds since then.
        about: what it says of itself, as pairs of text; its times (``..._at``) as a person reads them.
        total: how many resources it has; it may have sent fewer.
    """

    name: str
    seen_at: int
    silent_s: int
    about: tuple[tuple[str, str], ...]
    counts: Mapping[str, float]
    resources: tuple[ResourceReport, ...]
    total: int

    @classmethod
    def of(cls, row: Mapping[str, Any], now: int) -> NodeReport:
        """Read a row of :meth:`kong_vault_py.manager.access.nodes.Nodes.all`; ``now`` in Unix seconds."""
        about, status = _mapping(row["about"]), _mapping(row["status"])
        counts = _mapping(status.get("counts"))
        resources = status.get("resources")
        shown = [item for item in resources if isinstance(item, Mapping)] if isinstance(resources, list) else []
        return cls(
            name=row["node"],
            seen_at=row["seen_at"],
            silent_s=max(0, now - row["seen_at"]),
            about=tuple((_text(name), _about(name, value)) for name, value in list(about.items())[:_MAX_ABOUT]),
            counts={name: number for name in _COUNTS if (number := _number(counts.get(name))) is not None},
            resources=tuple(ResourceReport.of(item) for item in shown[:_MAX_RESOURCES]),
            total=max(len(shown), int(_number(status.get("resources_total")) or 0)),
        )

    @property
    def late(self) -> bool:
        """Whether it has been silent for too long."""
        return self.silent_s > LATE_AFTER_S

    @property
    def failing(self) -> int:
        """How many of its resources fail."""
        return sum(resource.failing for resource in self.resources)

    @property
    def oldest_s(self) -> float | None:
        """The age of its oldest value, of those that are to be refreshed."""
        ages = [found.age_s for found in self.resources if found.age_s is not None and found.refresh_in_s is not None]
        return max(ages, default=None)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _about(name: str, value: object) -> str:
    seconds = _number(value) if name.endswith("_at") else None
    return utc_text(seconds) if seconds is not None and 0 <= seconds < _YEAR_10000 else _text(value)


def _text(value: object) -> str:
    plain = isinstance(value, (str, int, float)) and not isinstance(value, bool)
    return str(value)[:_MAX_CHARS] if plain else ""


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return None
    try:
        return value if math.isfinite(value) and abs(value) < 1e15 else None
    except OverflowError:
        return None
