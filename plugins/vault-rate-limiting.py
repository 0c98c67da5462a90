"""vault-rate-limiting: fixed and sliding windows in memory or Redis, whose credentials may be vault references."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py import VaultError
from kong_vault_py.plugin_kit.closed import closed
from kong_vault_py.plugin_kit.rate_limiting.choice import make_counters
from kong_vault_py.plugin_kit.rate_limiting.headers import client_headers
from kong_vault_py.plugin_kit.rate_limiting.identifiers import IDENTIFIERS, Identifier
from kong_vault_py.plugin_kit.rate_limiting.windows import Rule
from kong_vault_py.plugin_kit.redis_fields import REDIS_FIELDS
from kong_vault_py.plugin_kit.schema_defaults import with_defaults

version = "0.1.0"
priority = 910

_OFF = {"type": "boolean", "required": True, "default": False}

Schema = (
    {
        "limit": {
            "type": "array",
            "required": True,
            "len_min": 1,
            "elements": {"type": "number", "between": [0, 2**53]},
            "description": "Requests per window; the nth belongs to the nth window_size.",
        }
    },
    {
        "window_size": {
            "type": "array",
            "required": True,
            "len_min": 1,
            "elements": {"type": "number", "between": [0.01, 10**9]},
            "description": "Seconds of each window.",
        }
    },
    {
        "window_type": {
            "type": "string",
            "required": True,
            "one_of": ["fixed", "sliding"],
            "default": "sliding",
            "description": "Whether a window takes the requests of the one before into account.",
        }
    },
    {
        "identifier": {
            "type": "string",
            "required": True,
            "one_of": IDENTIFIERS,
            "default": "consumer",
            "description": "Whose requests are counted together; the client's address where that can't be said.",
        }
    },
    {
        "compound_identifier": {
            "type": "array",
            "elements": {"type": "string", "one_of": IDENTIFIERS},
            "description": "Several identifiers at once, in place of identifier.",
        }
    },
    {
        "counter_key": {
            "type": "string",
            "one_of": ["consumer.id", "consumer.username", "consumer.custom_id"],
            "description": "Which of a consumer's attributes is counted by. Without: the id.",
        }
    },
    {
        "header_name": {
            "type": "string",
            "match": "^[%w_-]+$",
            "description": "The request header that identifier 'header' looks at.",
        }
    },
    {
        "path": {
            "type": "string",
            "match": "^/",
            "description": "The path whose requests identifier 'path' counts together.",
        }
    },
    {
        "namespace": {
            "type": "string",
            "len_min": 1,
            "len_max": 256,
            "description": "Plugins with the same namespace share their counters. Without: the plugin's id.",
        }
    },
    {
        "strategy": {
            "type": "string",
            "required": True,
            "one_of": ["local", "redis"],
            "default": "local",
            "description": "Where the counters are.",
        }
    },
    {
        "sync_rate": {
            "type": "number",
            "between": [-1, 10**6],
            "description": "Redis at every request (0), every so many seconds (from 0.02), or never (-1).",
        }
    },
    {
        "fault_tolerant": {
            "type": "boolean",
            "required": True,
            "default": True,
            "description": "Count in the plugin server while Redis is out; otherwise requests are answered with 500.",
        }
    },
    {
        "disable_penalty": {
            **_OFF,
            "description": "With sliding windows, denied requests don't count.",
        }
    },
    {
        "hide_client_headers": {
            **_OFF,
            "description": "Send none of the headers that tell a client where it stands.",
        }
    },
    {
        "retry_after_jitter_max": {
            "type": "number",
            "required": True,
            "between": [0, 10**6],
            "default": 0,
            "description": "Up to so many seconds are added to Retry-After, so that clients don't come back at once.",
        }
    },
    {
        "error_code": {
            "type": "integer",
            "required": True,
            "between": [100, 599],
            "default": 429,
            "description": "Status of a denied request.",
        }
    },
    {
        "error_message": {
            "type": "string",
            "required": True,
            "default": "API rate limit exceeded",
            "description": "Message of a denied request.",
        }
    },
    {"redis": {"type": "record", "required": True, "fields": REDIS_FIELDS}},
)


class Plugin:
    """One configured rate limiting. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = with_defaults(Schema, config)
        self._rule = Rule.from_config(self._config)
        self._identifier = Identifier(self._config)
        self._counters = make_counters(self._config, self._rule)

    @closed
    def access(self, kong: Any) -> None:
        """Count the request; let it go on and tell the client where it stands, or answer it."""
        identifier = self._identifier.of(kong)
        try:
            tally = self._counters.count(identifier, kong.log)
        except VaultError:  # logged when it began
            kong.response.exit(500, {"message": "An unexpected error occurred"})
            return
        headers = {}
        if not self._config["hide_client_headers"]:
            headers = client_headers(self._rule, tally, self._config["retry_after_jitter_max"])
        if not tally.allowed:
            kong.response.exit(self._config["error_code"], {"message": self._config["error_message"]}, headers)
        elif headers:
            kong.response.set_headers(headers)
