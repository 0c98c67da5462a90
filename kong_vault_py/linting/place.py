"""What a value of a file is to Kong."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

from kong_vault_py.linting.source import Source

__all__ = ["Option", "Place", "Reading", "Resolves", "Value", "VaultDeclaration"]


class Resolves(Enum):
    """Who resolves a reference in a place."""

    KONG = "Kong, where it is the whole value"
    NOBODY = "nobody: Kong passes it on as text"
    OURS = "our Python plugin, inside a longer text too"
    UNKNOWN = "not known: somebody else's plugin or file"


@dataclass(frozen=True, slots=True)
class Place:
    """Where a value stands.

    Attributes:
        label: how messages call it: ``config.redis.password of plugin rate-limiting``.
        resolves: who resolves a reference there.
        refusal: the rule that says why nobody does.
        remedy: what to do about a reference or a secret there, ``None`` for the rule's own words.
        secret: by its name it holds a secret.
        text: Kong wants a text.
        by_name_only: vault entities are not known there, only strategies (kong.conf).
        prose: anything may stand there: a description, Lua code.
        judged: rules about vault entities look at its plain text.
        pairs: its text is ``name:value``, a header, a parameter or a member of a body.
    """

    label: str
    resolves: Resolves
    refusal: str = "KV008"
    remedy: str | None = None
    secret: bool = False
    text: bool = False
    by_name_only: bool = False
    prose: bool = False
    judged: bool = False
    pairs: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """A text in a file.

    Attributes:
        text: as Kong would read it.
        start: offset in the file.
        end: offset behind it.
        style: how it was written: ``None`` plain, a quote, ``|``, ``>``; ``=`` in kong.conf and env files.
        place: what it is to Kong.
    """

    source: Source
    text: str
    start: int
    end: int
    style: str | None
    place: Place

    @property
    def span(self) -> tuple[int, int]:
        """Start and end."""
        return self.start, self.end


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a vault, where it was written; ``kind`` is the YAML type, ``structure`` for lists and mappings."""

    name: str
    text: str
    kind: str
    span: tuple[int, int]


@dataclass(slots=True)
class VaultDeclaration:
    """A vault entity of a file, or the ``vault_<name>_*`` settings of a strategy.

    Attributes:
        strategy: the name of the strategy, empty if it is missing.
        prefix: the entity's prefix, empty if it is missing; for settings ``None``.
        span: where to report what is missing.
    """

    source: Source
    span: tuple[int, int]
    strategy: str
    prefix: str | None
    prefix_span: tuple[int, int]
    options: list[Option] = field(default_factory=list)


@dataclass(slots=True)
class Reading:
    """What the files say.

    Attributes:
        values: their texts.
        vaults: vault entities and settings of strategies.
        loaded: the strategies of Kong's setting ``vaults``; ``None`` where no file has it.
    """

    values: list[Value] = field(default_factory=list)
    vaults: list[VaultDeclaration] = field(default_factory=list)
    loaded: set[str] | None = None

    def load(self, setting: str) -> None:
        """Take in a value of Kong's setting ``vaults``."""
        self.loaded = (self.loaded or set()) | {name.strip() for name in setting.split(",")}
