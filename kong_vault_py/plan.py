"""A plugin's config, scanned once for references: where they are, and how to put secrets in their places.

A string that is a reference, or that has references inside (``Bearer {vault://hcv/api/token}``), becomes a
:class:`Secret`. Kong's ``$refs`` count too: where Kong resolved a referenceable field itself, the reference behind it
is used, because Kong never brings an external plugin a rotated value (kong-facts in docs/kong-compatibility.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.reference import find_references, is_reference
from kong_vault_py.secret import Secret

__all__ = ["Plan", "Slot"]

_REFS = "$refs"


@dataclass(frozen=True)
class Slot:
    """One string of a config that holds references.

    Attributes:
        path: keys and indexes from the config's top to the string.
        parts: the string cut into literal text and references, alternating: text, reference, text, ...
        given: what Kong put there, for a field that Kong resolved itself.
    """

    path: tuple[Any, ...]
    parts: tuple[str, ...]
    given: str | None = None

    @property
    def references(self) -> tuple[str, ...]:
        """The references in this string."""
        return self.parts[1::2]

    def fill(self, secrets: Mapping[str, Secret]) -> Secret:
        """Return the string with its references replaced."""
        if len(self.parts) == 3 and not self.parts[0] and not self.parts[2]:
            return secrets[self.parts[1]]
        return Secret("".join(secrets[part].reveal() if odd % 2 else part for odd, part in enumerate(self.parts)))


@dataclass
class Plan:
    """A scanned config and its latest resolution. Made by :meth:`Vault.plan`, kept for a plugin instance's life.

    Attributes:
        config: the config as given; never changed.
        slots: the strings that hold references.
        references: all references of the config, each once.
        plugin: whose config it is; ``None`` where that isn't known.
        pairs: reference and the secret last seen, for the look whether anything changed.
        generation: the vault entities that the latest resolution knew, by the keeper's count.
        resolved: the config with secrets in it, the same object until a value changes; ``None`` before the first.
    """

    config: Any
    slots: tuple[Slot, ...]
    references: tuple[str, ...]
    plugin: str | None = None
    pairs: tuple[tuple[str, Secret], ...] = ()
    generation: int = 0
    resolved: Any = field(repr=False, default=None)

    @classmethod
    def of(cls, config: Any, plugin: str | None = None) -> Plan:
        """Scan a config: nested mappings, lists and strings.

        Args:
            config: the config.
            plugin: whose it is.
        """
        slots = tuple(_scan(config, (), None))
        references = tuple(dict.fromkeys(reference for slot in slots for reference in slot.references))
        return cls(config, slots, references, plugin, resolved=None if slots else config)

    def given_by_kong(self, reference: str) -> bool:
        """Tell whether Kong resolved every field with this reference itself, so that its values can stand in."""
        return all(slot.given for slot in self.slots if reference in slot.references)

    def filled(self, secrets: Mapping[str, Secret]) -> Any:
        """Return a copy of the config with every slot whose references are in ``secrets`` filled."""
        by_path = {
            slot.path: slot.fill(secrets)
            if all(reference in secrets for reference in slot.references)
            else Secret(slot.given or "")
            for slot in self.slots
        }
        return _copy(self.config, (), by_path)


def _scan(value: Any, path: tuple[Any, ...], reference: Any) -> Iterator[Slot]:
    """Yield the slots of ``value``; ``reference`` is what Kong's $refs say of it."""
    if isinstance(reference, str) and is_reference(reference):
        yield Slot(path, ("", reference, ""), given=value if isinstance(value, str) else None)
    elif isinstance(value, str):
        spans = find_references(value)
        if is_reference(value):
            yield Slot(path, ("", value, ""))
        elif spans:
            yield Slot(path, _cut(value, spans))
    elif isinstance(value, Mapping):
        refs = value.get(_REFS)
        refs = refs if isinstance(refs, Mapping) else {}
        inherited = reference if isinstance(reference, Mapping) else {}
        for key, item in value.items():
            if key != _REFS:
                yield from _scan(item, (*path, key), refs.get(key, inherited.get(key)))
    elif isinstance(value, (list, tuple)):
        refs = reference if isinstance(reference, (list, tuple)) else ()
        for index, item in enumerate(value):
            yield from _scan(item, (*path, index), refs[index] if index < len(refs) else None)


def _cut(text: str, spans: list[tuple[int, int]]) -> tuple[str, ...]:
    parts, end = [], 0
    for start, stop in spans:
        parts += [text[end:start], text[start:stop]]
        end = stop
    return (*parts, text[end:])


def _copy(value: Any, path: tuple[Any, ...], by_path: Mapping[tuple[Any, ...], Secret]) -> Any:
    if path in by_path:
        return by_path[path]
    if isinstance(value, Mapping):
        return {key: _copy(item, (*path, key), by_path) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_copy(item, (*path, index), by_path) for index, item in enumerate(value)]
    return value
