"""The rules of a transformer's config: cut into names and values before references are resolved.

An item is ``name:value``, cut as ``kong/plugins/request-transformer/access.lua:iter`` does: at the first colons. A
reference has a colon of its own, so cutting comes first; an item that begins with a reference is resolved whole, and
its text is cut then.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret

__all__ = ["OPERATIONS", "TARGETS", "Pair", "Rules", "cut_items", "rules_for"]

#: In the documented order of execution.
OPERATIONS = ("remove", "rename", "replace", "add", "append")
TARGETS = ("headers", "querystring", "body")

#: A name and the value (or new name) that goes with it, revealed.
Pair = tuple[str, str]

_ITEM = re.compile(r"([^:]+):*(.*)\Z", re.DOTALL)
_REFERENCE_START = "{vault://"


@dataclass(frozen=True, repr=False)
class Rules:
    """What to do to one part of a request. Values are plaintext: build one per request and keep it nowhere."""

    remove: Sequence[str] = ()
    rename: Sequence[Pair] = ()
    replace: Sequence[Pair] = ()
    add: Sequence[Pair] = ()
    append: Sequence[Pair] = ()
    #: Names that may stay in a body; empty for all.
    allow: Sequence[str] = ()
    #: Of the values of JSON members, by operation and in the order of its items.
    json_types: Mapping[str, Sequence[str]] = field(default_factory=dict)
    #: Whether dots are part of JSON members' names.
    dots_in_keys: bool = True

    def __bool__(self) -> bool:
        return bool(self.remove or self.rename or self.replace or self.add or self.append or self.allow)


def cut_items(config: Mapping[str, Any]) -> dict[str, Any]:
    """Return the config with each ``name:value`` item as a pair ``[name, value]``, ready for ``bind``.

    Items that begin with a reference stay whole. Everything else of the config stays as it is.

    Raises:
        ConfigError: an item has no name, or no value where it needs one.
    """
    cut = dict(config)
    for operation in OPERATIONS:
        section = dict(cut.get(operation) or {})
        for target in TARGETS:
            where = f"{operation}.{target}"
            section[target] = [_cut_unless_reference(item, where) for item in section.get(target) or ()]
        cut[operation] = section
    return cut


def rules_for(target: str, config: Mapping[str, Any]) -> Rules:
    """Return the rules for ``headers``, ``querystring`` or ``body``.

    Args:
        target: one of :data:`TARGETS`.
        config: the current config, from :func:`cut_items` and with its references resolved.

    Raises:
        ConfigError: an item that came from a vault has no value.
    """

    def pairs(operation: str) -> tuple[Pair, ...]:
        return tuple(_pairs(config[operation][target], f"{operation}.{target}"))

    of_body: dict[str, Any] = {}
    if target == "body":
        typed = (operation for operation in ("replace", "add", "append") if config[operation].get("json_types"))
        of_body = {
            "allow": tuple((config.get("allow") or {}).get("body") or ()),
            "json_types": {operation: config[operation]["json_types"] for operation in typed},
            "dots_in_keys": config.get("dots_in_keys") is not False,
        }
    return Rules(
        remove=tuple(name for name, _ in pairs("remove")),
        rename=pairs("rename"),
        replace=pairs("replace"),
        add=pairs("add"),
        append=pairs("append"),
        **of_body,
    )


def _pairs(items: Iterable[Any], where: str) -> Iterator[Pair]:
    for item in items:
        name, value = _cut(item.reveal(), where) if isinstance(item, Secret) else item
        yield name, value.reveal() if isinstance(value, Secret) else value


def _cut_unless_reference(item: str, where: str) -> str | list[Any]:
    return item if item.startswith(_REFERENCE_START) else _cut(item, where)


def _cut(item: str, where: str) -> list[Any]:
    found = _ITEM.match(item)
    if found is None or not (found[2] or where.startswith("remove.")):
        raise ConfigError(f"{where}: an item is not of the form 'name:value'")
    return [found[1], found[2]]
