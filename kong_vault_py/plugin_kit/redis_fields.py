"""The ``redis`` section of our plugins' schemas: Kong's names, types and defaults, and a map for references."""

from __future__ import annotations

from typing import Any

__all__ = ["REDIS_FIELDS", "REFERENCE_OPTIONS"]

#: Options whose Kong type can't hold a reference: they take theirs from the map ``redis.references``.
REFERENCE_OPTIONS = (
    "port",
    "database",
    "ssl",
    "ssl_verify",
    "timeout",
    "connect_timeout",
    "send_timeout",
    "read_timeout",
)

_TEXT = {"type": "string"}
_TIMEOUT = {"type": "integer", "between": [0, 2**31 - 2]}
_PORT = {"type": "integer", "between": [0, 65535], "default": 6379}


def _nodes(host: str) -> dict[str, Any]:
    fields = [{host: {**_TEXT, "default": "127.0.0.1"}}, {"port": _PORT}]
    return {"type": "array", "len_min": 1, "elements": {"type": "record", "fields": fields}}


#: No field is marked referenceable: Kong then hands references over as they are, and no plaintext enters its memory.
REDIS_FIELDS: list[dict[str, Any]] = [
    {"host": {**_TEXT, "default": "127.0.0.1"}},
    {"port": _PORT},
    {"username": _TEXT},
    {"password": _TEXT},
    {"database": {"type": "integer", "default": 0}},
    {"ssl": {"type": "boolean", "default": False}},
    {"ssl_verify": {"type": "boolean", "default": True}},
    {"ssl_ca_file": _TEXT},
    {"server_name": _TEXT},
    {"timeout": _TIMEOUT},
    {"connect_timeout": _TIMEOUT},
    {"send_timeout": _TIMEOUT},
    {"read_timeout": _TIMEOUT},
    {"keepalive_pool_size": {"type": "integer", "between": [1, 2**31 - 2], "default": 256}},
    {"keepalive_backlog": {"type": "integer", "between": [0, 2**31 - 2]}},
    {"connection_is_proxied": {"type": "boolean", "default": False}},
    {"sentinel_master": _TEXT},
    {"sentinel_role": {**_TEXT, "one_of": ["master", "slave", "any"]}},
    # Sentinel nodes have a host and Cluster nodes an ip, in Kong as well.
    {"sentinel_nodes": _nodes("host")},
    {"sentinel_username": _TEXT},
    {"sentinel_password": _TEXT},
    {"cluster_nodes": _nodes("ip")},
    {"cluster_max_redirections": {"type": "integer", "between": [1, 100], "default": 5}},
    {
        "references": {
            "type": "map",
            "keys": {**_TEXT, "one_of": list(REFERENCE_OPTIONS)},
            "values": _TEXT,
        }
    },
]
