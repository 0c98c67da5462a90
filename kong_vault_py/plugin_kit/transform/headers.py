"""Headers: the rules applied, and the fewest changes that bring the request there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["HeaderChanges", "change_headers"]

_HOST = "host"


@dataclass(frozen=True, repr=False)
class HeaderChanges:
    """What to tell the gateway.

    Attributes:
        cleared: names to clear first.
        written: name -> value or values to set then, in one call.
        result: the headers as the upstream will see them, names in lower case.
    """

    cleared: list[str] = field(default_factory=list)
    written: dict[str, str | list[str]] = field(default_factory=dict)
    result: Mapping[str, Sequence[str]] = field(default_factory=dict)


def change_headers(headers: Mapping[str, Sequence[str]], rules: Rules) -> HeaderChanges:
    """Apply rules as ``transform_headers`` of ``kong/plugins/request-transformer/access.lua`` does.

    Names match in any case and are written as the config spells them. ``Host`` can be replaced, and nothing else.

    Args:
        headers: the request's headers, names in lower case.
        rules: what to do.
    """
    edited = _Edited({name: list(values) for name, values in headers.items() if name != _HOST})
    for name in rules.remove:
        edited.values.pop(name.lower(), None)
    for old, new in rules.rename:
        edited.rename(old, new)
    for name, value in rules.replace:
        if name.lower() == _HOST or edited.has(name):
            edited.put(name, [value])
    for name, value in rules.add:
        if name.lower() != _HOST and not edited.has(name):
            edited.put(name, [value])
    for name, value in rules.append:
        if name.lower() != _HOST:
            edited.put(name, [*edited.values.get(name.lower(), []), value])
    return edited.changes_from(headers)


@dataclass(frozen=True)
class _Edited:
    """Headers under change: values and the config's spelling by name in lower case."""

    values: dict[str, list[str]]
    spelled: dict[str, str] = field(default_factory=dict)
    recased: set[str] = field(default_factory=set)

    def has(self, name: str) -> bool:
        return name.lower() in self.values

    def put(self, name: str, values: list[str]) -> None:
        self.values[name.lower()] = values
        self.spelled.setdefault(name.lower(), name)

    def rename(self, old: str, new: str) -> None:
        values = self.values.pop(old.lower(), None)
        if values is None:
            return
        self.values[new.lower()] = values
        self.spelled[new.lower()] = new
        if old.lower() == new.lower():
            self.recased.add(new.lower())

    def changes_from(self, before: Mapping[str, Sequence[str]]) -> HeaderChanges:
        cleared = [name for name in before if name in self.recased or (name != _HOST and not self.has(name))]
        written: dict[str, str | list[str]] = {}
        for name, values in self.values.items():
            if name in self.recased or list(before.get(name, ())) != values:
                # Blanks around a header's value are no part of it, and a secret may end with a line feed.
                texts = [value.strip() for value in values]
                written[self.spelled.get(name, name)] = texts[0] if len(texts) == 1 else texts
        return HeaderChanges(cleared, written, {_HOST: before.get(_HOST, ()), **self.values})
