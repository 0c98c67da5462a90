"""vault-context: puts resolved secrets where Lua plugins (kong.ctx.shared) and upstreams (headers) find them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.plugin_kit.closed import closed
from kong_vault_py.plugin_kit.context_values import ContextValue, context_values
from kong_vault_py.plugin_kit.schema_defaults import with_defaults

version = "0.1.0"
priority = 1001

Schema = (
    {
        "values": {
            "type": "array",
            "required": True,
            "len_min": 1,
            "description": "What to provide, and where to put it.",
            "elements": {
                "type": "record",
                "fields": [
                    {
                        "value": {
                            "type": "string",
                            "required": True,
                            "description": "A vault reference, or a text with references in it.",
                        }
                    },
                    {
                        "context": {
                            "type": "string",
                            "match": "^[%a_][%w_]*$",
                            "len_max": 128,
                            "description": "Its name in kong.ctx.shared, or in the table there that 'table' names.",
                        }
                    },
                    {
                        "header": {
                            "type": "string",
                            "match": "^[%w_-]+$",
                            "len_max": 128,
                            "description": "The header to send it upstream in; replaces the client's.",
                        }
                    },
                    {
                        "format": {
                            "type": "string",
                            "required": True,
                            "one_of": ["text", "json"],
                            "default": "text",
                            "description": "With json, the context gets the decoded object or array as a Lua table.",
                        }
                    },
                    {
                        "required": {
                            "type": "boolean",
                            "required": True,
                            "default": True,
                            "description": "Answer 503 where it can't be resolved; otherwise go on without it.",
                        }
                    },
                ],
            },
        }
    },
    {
        "table": {
            "type": "string",
            "match": "^[%a_][%w_]*$",
            "len_max": 128,
            "description": "Put all values into one table of this name in kong.ctx.shared: one PDK call for all.",
        }
    },
    {
        "mask_in_logs": {
            "type": "boolean",
            "required": True,
            "default": True,
            "description": "Keep the headers' values out of what Kong's logging plugins write.",
        }
    },
)

# What kong.log.serialize hides by itself (kong/pdk/log.lua).
_MASKED_BY_KONG = frozenset({"authorization", "proxy-authorization"})


class Plugin:
    """One configured set of values. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = with_defaults(Schema, config)
        self._values = context_values(self._config["values"])
        self._absent_told: set[ContextValue] = set()

    @closed
    def access(self, kong: Any) -> None:
        """Provide the values, all or none; a required one that can't be resolved ends the request with 503."""
        shared: dict[str, Any] = {}
        headers: dict[str, str] = {}
        absent: list[str] = []
        for value in self._values:
            found = value.resolve()
            if found.error is not None:
                self._tell(kong, value, found.error)
                absent += [value.header] if value.header else []
                continue
            self._absent_told.discard(value)
            if value.context:
                shared[value.context] = found.for_context
            if value.header:
                headers[value.header] = found.for_header
        self._share(kong, shared)
        self._send(kong, headers, absent)

    def _share(self, kong: Any, shared: Mapping[str, Any]) -> None:
        if self._config["table"] and shared:
            shared = {self._config["table"]: shared}
        for name, value in shared.items():
            kong.ctx.shared.set(name, value)

    def _send(self, kong: Any, headers: Mapping[str, str], absent: list[str]) -> None:
        for name in absent:
            kong.service.request.clear_header(name)  # the client's own must not stand in for ours
        if headers:
            kong.service.request.set_headers(headers)
        for name in (name.lower() for name in headers if self._config["mask_in_logs"]):
            if name not in _MASKED_BY_KONG:
                kong.log.set_serialize_value(f"request.headers.{name}", "REDACTED", {"mode": "replace"})

    def _tell(self, kong: Any, value: ContextValue, problem: str) -> None:
        """One line in Kong's log when an optional value goes missing, not one per request."""
        if value not in self._absent_told:
            self._absent_told.add(value)
            message = f"{problem}; going on without it"
            kong.log.warn(message)  # noqa: G010 - Kong's name
