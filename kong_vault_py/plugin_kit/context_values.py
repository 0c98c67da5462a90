"""Values of a config, each resolved by itself, in the shapes that a context and a header need."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import ConfigError, InvalidResponseError, VaultError
from kong_vault_py.plugin import BoundConfig, bind
from kong_vault_py.secret import Secret

__all__ = ["ContextValue", "Found", "context_values"]

# What no header may hold; a line break would end it and begin another one.
_CONTROLS = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


@dataclass(frozen=True, repr=False)
class Found:
    """One value in one request: plaintext, keep it nowhere.

    Attributes:
        for_context: text, or what JSON text stands for.
        for_header: text without blanks around it.
        error: why there is none, ``None`` where there is one.
    """

    for_context: Any = None
    for_header: str = ""
    error: str | None = None


@dataclass(frozen=True, eq=False)
class ContextValue:
    """One value and where it goes.

    Attributes:
        bound: its text, bound to the vault.
        context: its name in the context, ``None`` for none.
        header: the header that it is sent in, ``None`` for none.
        as_json: the context gets the decoded value.
        required: whether a request may go on without it.
    """

    bound: BoundConfig
    context: str | None
    header: str | None
    as_json: bool
    required: bool

    def resolve(self) -> Found:
        """Return the current value.

        Raises:
            VaultError: it can't be resolved, or doesn't fit its place, and is required.
        """
        try:
            value = self.bound.current()["value"]
            return self._shaped(value.reveal() if isinstance(value, Secret) else value)
        except VaultError as error:
            if self.required:
                raise
            return Found(error=str(error))

    def _shaped(self, text: str) -> Found:
        where = self.context or self.header
        for_header = text.strip()
        if self.header and _CONTROLS.search(for_header):
            raise InvalidResponseError(f"the value '{where}' holds a line break or another control: no header can")
        return Found(_decoded(text, where) if self.as_json else text, for_header)


def context_values(config: Iterable[Mapping[str, Any]]) -> tuple[ContextValue, ...]:
    """Read the config's values.

    Raises:
        ConfigError: one goes nowhere, or two go to the same place.
    """
    values = tuple(
        ContextValue(
            bound=bind({"value": item["value"]}),
            context=item.get("context") or None,
            header=item.get("header") or None,
            as_json=item.get("format") == "json",
            required=item.get("required") is not False,
        )
        for item in config
    )
    for number, value in enumerate(values, 1):
        if not (value.context or value.header):
            raise ConfigError(f"values[{number}]: needs 'context', 'header' or both, or it goes nowhere")
    for kind, names in (
        ("context", [value.context for value in values if value.context]),
        ("header", [value.header.lower() for value in values if value.header]),
    ):
        twice = {name for name in names if names.count(name) > 1}
        if twice:
            raise ConfigError(f"values: two have the {kind} '{min(twice)}'")
    return values


def _decoded(text: str, where: str | None) -> Any:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, (dict, list)):
        raise InvalidResponseError(f"the value '{where}' is no JSON object or array, as its format says")
    return value
