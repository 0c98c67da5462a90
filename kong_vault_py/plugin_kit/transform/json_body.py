"""JSON bodies: the rules applied to the members of the top object."""

from __future__ import annotations

import json
from typing import Any, NoReturn

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.transform.json_paths import Place, find_places
from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["change_json"]

_BOOLEANS = {"true": True, "false": False}


def change_json(body: bytes, rules: Rules) -> bytes | None:
    """Return the changed body, ``None`` where there is nothing to change: no rule applies, or no JSON object.

    Values that rules bring are strings, where ``json_types`` doesn't say otherwise.
    Appending makes an array of a single value. An empty body counts as ``{}``.

    Args:
        body: the body as sent.
        rules: what to do.

    Raises:
        ConfigError: a value is not of the type that the config says.
    """
    try:
        members = json.loads(body, parse_constant=_refuse) if body else {}
    except ValueError:
        return None
    if not isinstance(members, dict) or not _Changes(members, rules).make():
        return None
    try:
        text = json.dumps(members, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    except ValueError:
        # A number too large for us (1e999) can't be written back as it was.
        return None
    return text.encode("utf-8", "surrogateescape")


class _Changes:
    """The rules at work on one document; every method says whether it changed something."""

    def __init__(self, document: dict[str, Any], rules: Rules) -> None:
        self._document = document
        self._rules = rules

    def make(self) -> bool:
        rules = self._rules
        done = [self._allow()]
        done += [self._remove(name) for name in rules.remove]
        done += [self._rename(old, new) for old, new in rules.rename]
        for operation, pairs in (("replace", rules.replace), ("add", rules.add), ("append", rules.append)):
            change = getattr(self, f"_{operation}")
            done += [change(name, self._typed(operation, index, value)) for index, (name, value) in enumerate(pairs)]
        return any(done)

    def _allow(self) -> bool:
        if not self._rules.allow:
            return False
        unlisted = self._document.keys() - set(self._rules.allow)
        for name in unlisted:
            del self._document[name]
        return bool(unlisted)

    def _remove(self, name: str) -> bool:
        found = [place for place in self._places(name) if place.exists]
        for place in found:
            del place.container[place.key]
        return bool(found)

    def _rename(self, old: str, new: str) -> bool:
        found = [place for place in self._places(old) if place.exists and isinstance(place.key, str)]
        found = [place for place in found if place.key != new]
        for place in found:
            place.container[new] = place.container.pop(place.key)
        return bool(found)

    def _replace(self, name: str, value: Any) -> bool:
        found = [place for place in self._places(name) if place.exists]
        for place in found:
            place.container[place.key] = value
        return bool(found)

    def _add(self, name: str, value: Any) -> bool:
        found = [place for place in self._places(name, make=True) if not place.exists and isinstance(place.key, str)]
        for place in found:
            place.container[place.key] = value
        return bool(found)

    def _append(self, name: str, value: Any) -> bool:
        found = [place for place in self._places(name, make=True) if place.exists or isinstance(place.key, str)]
        for place in found:
            present = place.container[place.key] if place.exists else []
            place.container[place.key] = [*present, value] if isinstance(present, list) else [present, value]
        return bool(found)

    def _places(self, name: str, *, make: bool = False) -> list[Place]:
        return find_places(self._document, name, dots_in_keys=self._rules.dots_in_keys, make=make)

    def _typed(self, operation: str, index: int, value: str) -> Any:
        types = self._rules.json_types.get(operation, ())
        kind = types[index] if index < len(types) else "string"
        if kind == "string":
            return value
        try:
            return _BOOLEANS[value.strip().lower()] if kind == "boolean" else _number(value)
        except (KeyError, ValueError):
            raise ConfigError(f"{operation}.body: item {index + 1} is no {kind} (json_types)") from None


def _number(text: str) -> float:
    number = json.loads(text, parse_constant=_refuse)
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ValueError(text)  # noqa: TRY004 - as for a text that is no JSON
    return number


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no JSON")
