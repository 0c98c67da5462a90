"""Which fields Kong resolves references in: by plugin, edition and version, from the data beside this file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any

from kong_vault_py.linting.target import Target, Version, kong_version
from kong_vault_py.strategies.registry import strategy_names

__all__ = [
    "COUNTERPARTS",
    "Field",
    "Level",
    "entity_fields",
    "is_bundled",
    "is_enterprise",
    "is_ours",
    "known_strategies",
    "load_data",
    "oldest_known",
    "plugin_fields",
    "plugin_levels",
]

#: Kong's plugin -> ours that does the same, with references in any text field.
COUNTERPARTS = {
    "proxy-cache": "vault-proxy-cache",
    "proxy-cache-advanced": "vault-proxy-cache",
    "request-transformer": "vault-request-transformer",
    "request-transformer-advanced": "vault-request-transformer",
    "rate-limiting": "vault-rate-limiting",
    "rate-limiting-advanced": "vault-rate-limiting",
    "upstream-oauth": "vault-upstream-oauth",
}
_PUBLIC = {"cert", "cert_alt", "pem.public_key"}
_OUR_PREFIX = "vault-"


@dataclass(frozen=True)
class Field:
    """A field that Kong resolves references in.

    Attributes:
        path: from the plugin down; ``[]`` is an array's item, ``{}`` a map's value.
        kind: its type in Kong's schema, ``string`` or ``integer``.
        encrypted: Kong Enterprise encrypts it at rest.
        since: the first version known to have it; the oldest in the data stands for "or before".
        last: the last version that has it, ``None`` if it is still there.
        oss: Kong OSS has it too.
        enterprise: Kong Enterprise has it.
    """

    path: str
    kind: str = "string"
    encrypted: bool = False
    since: Version | None = None
    last: Version | None = None
    oss: bool = False
    enterprise: bool = True

    def missing_in(self, target: Target) -> str | None:
        """Return the rule that the field breaks on a Kong, ``None`` if Kong resolves it."""
        if target.edition == "oss" and not self.oss:
            return "KV014"
        if target.version is None or target.edition == "oss":
            return None
        too_old = self.since is not None and self.since > oldest_known() and target.version < self.since
        gone = self.last is not None and target.version > self.last
        return "KV015" if too_old or gone else None


@dataclass
class Level:
    """One level of a plugin's config: the field that ends here, and what is below."""

    ends: Field | None = None
    below: dict[str, Level] = field(default_factory=dict)

    def child(self, key: str) -> Level | None:
        """Go down a key: by its name, or by any name in a map."""
        return self.below.get(key) or self.below.get("{}")

    def item(self) -> Level | None:
        """Go down into an array."""
        return self.below.get("[]")


@cache
def known_strategies() -> tuple[str, ...]:
    """Return the names of all strategies; looking for installed ones takes its time, so it's done once."""
    return tuple(strategy_names())


@cache
def load_data(name: str) -> dict[str, Any]:
    """Return one of the vendored tables."""
    loaded = json.loads((files(__package__) / "data" / f"{name}.json").read_text(encoding="utf-8"))
    assert isinstance(loaded, dict)
    return loaded


@cache
def oldest_known() -> Version:
    """Return the oldest version of Kong that the data tells of."""
    return kong_version(load_data("referenceable-fields")["versions"][0])


def is_bundled(plugin: str) -> bool:
    """Tell whether Kong OSS has a plugin."""
    return plugin in load_data("kong-oss")["bundled"]


def is_enterprise(plugin: str) -> bool:
    """Tell whether a plugin comes with Kong Enterprise alone."""
    return plugin in load_data("kong-oss")["enterprise"]


def is_ours(plugin: str) -> bool:
    """Tell whether a plugin is one of kong-vault-py's, which resolve references in any text of their config."""
    return plugin.startswith(_OUR_PREFIX)


@cache
def plugin_fields(plugin: str) -> dict[str, Field]:
    """Return a plugin's fields by path."""
    oss = set(load_data("kong-oss")["fields"].get(plugin, ()))
    known = load_data("referenceable-fields")["plugins"].get(plugin, {})
    fields = {path: _field(path, raw, path in oss) for path, raw in known.items()}
    for path in oss - fields.keys():
        # Open source schemas have maps and deprecated spellings that the other table leaves out.
        fields[path] = Field(path, encrypted=path.endswith(("password", "auth")), oss=True)
    return dict(sorted(fields.items()))


@cache
def plugin_levels(plugin: str) -> Level:
    """Return a plugin's fields as a tree, to walk down beside a config."""
    return _tree(plugin_fields(plugin).values())


@cache
def entity_fields(collection: str) -> Level | None:
    """Return the referenceable fields of an entity that is no plugin (``certificates``), if it has any."""
    paths = load_data("kong-oss")["entities"].get(collection)
    return _tree([Field(path, encrypted=path not in _PUBLIC, oss=True) for path in paths]) if paths else None


def _field(path: str, raw: dict[str, Any], oss: bool) -> Field:
    return Field(
        path,
        kind=raw.get("type", "string"),
        encrypted=raw.get("encrypted", False),
        since=kong_version(raw["since"]),
        last=kong_version(raw["last"]) if "last" in raw else None,
        oss=oss,
    )


def _tree(fields: Any) -> Level:
    top = Level()
    for known in fields:
        level = top
        for step in _steps(known.path):
            level = level.below.setdefault(step, Level())
        level.ends = known
    return top


def _steps(path: str) -> Iterator[str]:
    for part in path.split("."):
        name = part
        while name.endswith(("[]", "{}")):
            name = name[:-2]
        yield name
        yield from (part[at : at + 2] for at in range(len(name), len(part), 2))
