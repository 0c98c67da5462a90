"""The model's own view of configs: where references lead, overrides, lifetimes, ``$refs``. Shares no code with ours."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.reference import Reference, is_reference, parse_reference
from tests.unit.scenario_world import NULL, problem

FOREVER = 100_000_000


class ProblemError(Exception):
    """A reference or its config is wrong: nothing is asked, nothing is cached."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


class BrokeError(Exception):
    """Lua raised."""


@dataclass(frozen=True)
class Located:
    """Where a reference leads."""

    strategy: str
    config: dict[str, Any]

    @property
    def hash(self) -> str:
        return f"{self.strategy};{json.dumps(self.config, sort_keys=True)}"


def parse(text: str) -> Reference:
    """Parse as proven by references.jsonl."""
    try:
        return parse_reference(text)
    except InvalidReferenceError as error:
        raise ProblemError(problem(str(error))) from None


def locate(setup: dict[str, Any], entities: dict[str, Any], text: str, on: Callable[[str], bool]) -> Located:
    reference = parse(text)
    entity = entities.get(reference.name)
    if entity is None and reference.name not in setup["strategies"]:
        raise ProblemError("UnknownPrefixError")
    name = entity["name"] if entity else reference.name
    fields = dict(setup["strategies"][name])
    prefix = f"vault_{reference.name}_"
    settings = {
        key[len(prefix) :]: value for key, value in setup["kong_configuration"].items() if key.startswith(prefix)
    }
    base = entity["config"] if entity else settings
    config = {}
    for field, schema in fields.items():
        for source in (reference.config or {}, base):
            if field in source:
                _take(config, field, schema, source[field], on)
                break
    return Located(name, config)


def _take(config: dict[str, Any], field: str, schema: dict[str, Any], value: Any, on: Callable[[str], bool]) -> None:
    if value in ("", NULL):
        if not on("empty-is-unset"):
            config[field] = NULL
        return
    if schema.get("typedef") == "ttl":
        number = re.fullmatch(r"\d+(\.\d+)?", str(value))
        value = float(number[0]) if number else -1.0
        valid = 0 <= value <= FOREVER
    else:
        pattern = schema.get("match", "").replace("%a", "A-Za-z").replace("%d", "0-9")
        valid = isinstance(value, str) and re.search(pattern, value) is not None
    if valid:
        config[field] = value
    elif on("wrong-option-told"):
        raise ProblemError("ConfigError")


def lifetime(ttl: Any, config: dict[str, Any]) -> tuple[float, float | None]:
    """Return the ttl that counts and resurrect_ttl, in seconds."""
    if NULL in (config.get("resurrect_ttl"), config.get("ttl") if ttl is None else None):
        raise BrokeError
    resurrect = config.get("resurrect_ttl")
    if isinstance(ttl, (int, float)):
        if ttl <= 0:
            return FOREVER, resurrect
        highest, lowest = config.get("max_ttl"), config.get("min_ttl")
        if highest and ttl > highest:
            return highest, resurrect
        return (lowest if lowest and ttl < lowest else ttl), resurrect
    return config.get("ttl", FOREVER), resurrect


def value_of(text: Any, key: str | None) -> tuple[str | None, str]:
    """Return what a reference takes from the vault's answer, or the kind of error."""
    if not isinstance(text, str):
        return None, "InvalidResponseError"
    if key is None:
        return text, ""
    try:
        document = json.loads(text)
    except ValueError:
        return None, "InvalidResponseError"
    if not isinstance(document, dict):
        return None, "InvalidResponseError"
    value = document.get(key)
    return (value, "") if isinstance(value, str) else (None, "KeyNotFoundError")


Slot = tuple[Any, Any, str]


def kongs_slots(config: Any) -> Iterator[Slot]:
    """Yield container, field and reference as Kong's update walks them: nested tables first, then ``$refs``."""
    if not isinstance(config, (dict, list)):
        return
    for name, item in config.items() if isinstance(config, dict) else enumerate(config):
        if name != "$refs":
            yield from kongs_slots(item)
    refs = config.get("$refs") if isinstance(config, dict) else None
    for name, reference in refs.items() if isinstance(refs, dict) else ():
        if isinstance(reference, str):
            yield config, name, reference
            continue
        for key, item in _pairs(reference):
            if not isinstance(config.get(name), (dict, list)):
                raise BrokeError
            yield config[name], key, item


def _pairs(refs: Any) -> list[tuple[Any, str]]:
    """The references of an array, set or map, without an array's holes."""
    pairs = refs.items() if isinstance(refs, dict) else enumerate(refs) if isinstance(refs, list) else ()
    return [(key, item) for key, item in pairs if item is not None]


def our_slots(config: Any) -> Iterator[Slot]:
    """Yield container, field and reference as our plan finds them: fields in order, each with its ``$refs``."""
    if isinstance(config, list):
        for item in config:
            yield from our_slots(item)
    if not isinstance(config, dict):
        return
    refs = config.get("$refs")
    refs = refs if isinstance(refs, dict) else {}
    for name, item in config.items():
        reference = refs.get(name)
        if name == "$refs":
            continue
        if is_reference(reference):
            yield config, name, reference
        elif is_reference(item):
            yield config, name, item
        elif isinstance(item, (dict, list)) and isinstance(reference, type(item)):
            known = range(len(item)) if isinstance(item, list) else item
            yield from ((item, key, text) for key, text in _pairs(reference) if key in known and is_reference(text))
        else:
            yield from our_slots(item)


def miss_config(config: dict[str, Any]) -> float | None:
    if config.get("neg_ttl") == NULL:
        raise BrokeError
    return config.get("neg_ttl")
