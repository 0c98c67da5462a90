"""The world of the recorded scenarios: their cases, the programmable vault behind them, and what a step brought.

``tests/vectors/README.md`` explains the recordings. An *outcome* is what one step brought, in a form in which Kong's,
the model's and ours compare: ``("value", text)``, ``("error", class of ours)``, ``("nil",)`` (a miss without an error),
``("raised",)`` (Lua broke), each with the calls that the vault got.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from tests.unit.vectors import VECTORS

NULL = "ngx.null"
CACHING = ("ttl", "neg_ttl", "resurrect_ttl", "min_ttl", "max_ttl")

# From Kong's words to our classes. Malformed references are told in Kong's own words: those compare as text.
_KINDS = (
    (r"(reference url|not a reference).*", None),
    (r"could not find vault .*", "UnknownPrefixError"),
    (r".*could not get subfield value: unable to json decode.*", "InvalidResponseError"),
    (r".*could not get subfield value: .*", "KeyNotFoundError"),
    (r".*invalid type.*", "InvalidResponseError"),
    (r".*\(no value found \(.*", "UnavailableError"),
    (r".*\((no value found|nil)\)", "SecretNotFoundError"),
)


def load_cases(file: str) -> list[dict[str, Any]]:
    lines = (VECTORS / file).read_text(encoding="utf-8").splitlines()
    return [_decode(json.loads(line)) for line in lines]


def _decode(value: Any) -> Any:
    if isinstance(value, list):
        return [_decode(item) for item in value]
    if not isinstance(value, dict):
        return value
    if "$lua" in value:
        return NULL
    if "$pairs" in value:  # a Lua array with holes: JSON has null there
        items = dict(value["$pairs"])
        return [_decode(items.get(index)) for index in range(1, max(items) + 1)]
    return {name: _decode(item) for name, item in value.items()}


@dataclass(frozen=True)
class Answer:
    """What the vault answered: a value of any type, an error's text, or a raised one's."""

    value: Any = None
    error: str | None = None
    ttl: float | None = None
    raises: bool = False


@dataclass
class Backend:
    """The vault: answers as the steps ``set`` it, and writes down who asked for what."""

    specs: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    counts: dict[tuple[str, str], int] = field(default_factory=dict)
    calls: list[tuple[Any, ...]] = field(default_factory=list)
    paused: bool = False

    def set(self, step: dict[str, Any]) -> None:
        self.specs[step["strategy"], step["resource"]] = step.get("backend") or {}

    def ask(self, strategy: str, resource: str, version: float | None, config: dict[str, Any]) -> Answer:
        self.calls.append(call(strategy, resource, version, config))
        if self.paused:
            return Answer(error="Vault server paused")
        spec = self.specs.get((strategy, resource), {})
        if version is not None and "versions" in spec:
            spec = spec["versions"].get(f"{version:g}", {})
        if "raise" in spec:
            return Answer(raises=True)
        if spec.get("echo"):
            echoed = {name: value for name, value in config.items() if name not in CACHING and value != NULL}
            nulls = {name: None for name, value in config.items() if value == NULL}
            number = {} if version is None else {"version": int(version)}
            body = {**echoed, **nulls, "resource": resource, **number}
            return Answer(json.dumps(body, sort_keys=True, separators=(",", ":")))
        value = spec.get("value")
        if spec.get("counter"):
            self.counts[strategy, resource] = count = self.counts.get((strategy, resource), 0) + 1
            value = f"{value}{count}"
        if value is None:
            return Answer(error=spec.get("err"))
        return Answer(value, ttl=spec.get("ttl"))

    def take_calls(self) -> tuple[Any, ...]:
        """Return the calls since the last time, in no order."""
        taken, self.calls = self.calls, []
        return tuple(sorted(taken, key=repr))


def call(strategy: str, resource: str, version: float | None, config: dict[str, Any]) -> tuple[Any, ...]:
    """One call to the vault; the core's own options are no business of the strategy, and are told apart by effect."""
    own = tuple(sorted((name, value) for name, value in config.items() if name not in CACHING))
    return strategy, resource, None if version is None else float(version), own


def kong_outcome(step: dict[str, Any], expect: dict[str, Any]) -> tuple[Any, ...]:
    """What the recording says of a step."""
    calls = tuple(
        sorted(
            (call(c["strategy"], c["resource"], c["version"], c["config"]) for c in expect.get("backend_calls", ())),
            key=repr,
        )
    )
    match step["op"]:
        case "get":
            return _got(expect), calls
        case "update":
            return ("raised",) if "raised" in expect else ("result", expect["result"]), calls
        case "try":
            result = _got(expect) if "raised" in expect or expect["value"] is not None else ("failed",)
            return result, expect["callback_calls"], expect["options_seen"], calls
        case "try_concurrent" | "get_concurrent":
            return sorted(expect["results"]), expect.get("callback_calls"), calls
        case "keys":
            return (sorted(set(expect["references"])),)
        case "peek":
            if expect["lru"] is not None:
                return ("value", expect["lru"])
            return {"value": ("value", expect.get("shared_value")), "negative": ("nil",), "absent": ("none",)}[
                expect["shared"]
            ]
    return (calls,)


def _got(expect: dict[str, Any]) -> tuple[Any, ...]:
    if "raised" in expect:
        return ("raised",)
    if expect["value"] is not None:
        return ("value", expect["value"])
    if expect["err"] is None:
        return ("nil",)
    kind = next(kind for pattern, kind in _KINDS if re.fullmatch(pattern, expect["err"], re.DOTALL))
    return ("error", kind or problem(expect["err"]))


def problem(text: str) -> str:
    """Kong's words for a malformed reference, without the reference behind them (references.jsonl proves both)."""
    return text.partition(" [")[0]


class CallbackFailedError(Exception):
    """The callback of a ``try`` step fails as those of Kong do by returning nil."""


class CallbackBrokeError(Exception):
    """The callback of a ``try`` step raises, in Lua too."""


class Callback:
    """The callback of a ``try`` step: writes down what it saw, and succeeds when the step says."""

    def __init__(self, step: dict[str, Any]) -> None:
        self.step = step
        self.seen: list[Any] = []
        self.calls = 0

    def __call__(self, options: Any) -> str:
        self.calls += 1
        number = self.calls
        if options is not None:
            self.seen.append({name: item for name, item in options.items() if name != "$refs"})
        if "raise" in self.step:
            raise CallbackBrokeError(self.step["raise"])
        wanted, on_call = self.step.get("succeed_when"), self.step.get("succeed_on_call")
        if wanted and all((options or {}).get(name) == item for name, item in wanted.items()):
            return f"ok#{number}"
        if on_call and number >= on_call:
            return f"ok#{number}"
        raise CallbackFailedError(f"failed#{number}")
