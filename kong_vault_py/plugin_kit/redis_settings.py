"""A ``redis`` section of a plugin config, with its references resolved, in the types that a connection needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret

__all__ = ["REDIS_FIELDS", "REFERENCE_OPTIONS", "RedisSettings"]

_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}


_DEFAULT_TIMEOUT_MS = 2000

_TIMEOUT_FIELD = {"type": "integer", "between": [0, 2**31 - 2]}


@dataclass(frozen=True)
class RedisSettings:
    """Where a Redis is and who we are to it. Equal settings share one connection pool.

    Attributes:
        host: name or address.
        port: TCP port.
        username: ACL user, ``None`` for the default user.
        password: ``None`` to send no AUTH.
        database: number of the database.
        ssl: speak TLS.
        ssl_verify: check the server's certificate and name.
        ssl_ca_file: PEM file with the CA's certificate, ``None`` for the system's.
        server_name: the name for SNI and for the check, ``None`` for the host.
        connect_timeout_s: seconds for connecting.
        io_timeout_s: seconds for sending, and for an answer.
        pool_size: connections at most.
    """

    host: str | Secret
    port: int
    username: str | Secret | None
    password: str | Secret | None
    database: int
    ssl: bool
    ssl_verify: bool
    ssl_ca_file: str | None
    server_name: str | Secret | None
    connect_timeout_s: float
    io_timeout_s: float
    pool_size: int

    @classmethod
    def from_config(cls, redis: Mapping[str, Any]) -> RedisSettings:
        """Build settings from the section, which may hold :class:`Secret` objects in place of references.

        Raises:
            ConfigError: what a reference of ``redis.references`` brought doesn't fit its option.
        """
        given = {**redis, **_overrides(redis.get("references") or {})}
        timeout_ms = given.get("timeout") or _DEFAULT_TIMEOUT_MS
        connect_ms, send_ms, read_ms = (
            given.get(name) or timeout_ms for name in ("connect_timeout", "send_timeout", "read_timeout")
        )
        return cls(
            host=given["host"],
            port=given["port"],
            username=given.get("username") or None,
            password=given.get("password") or None,
            database=given.get("database") or 0,
            ssl=bool(given.get("ssl")),
            ssl_verify=bool(given.get("ssl_verify", True)),
            ssl_ca_file=given.get("ssl_ca_file") or None,
            server_name=given.get("server_name") or None,
            connect_timeout_s=connect_ms / 1000,
            io_timeout_s=max(send_ms, read_ms) / 1000,
            pool_size=given["keepalive_pool_size"],
        )

    @property
    def where(self) -> str:
        """Host and port for messages, ``***`` for a host that came from a vault."""
        return f"{self.host}:{self.port}"


class _Kind(NamedTuple):
    """How an option's text is read, and what to say of a text that doesn't fit."""

    parse: Callable[[str], Any]
    wanted: str


def _integer(low: int, high: int) -> _Kind:
    def parse(text: str) -> int:
        number = int(text)
        if not low <= number <= high:
            raise ValueError
        return number

    return _Kind(parse, f"a whole number between {low} and {high}")


def _parse_boolean(text: str) -> bool:
    if text.lower() not in _BOOLEANS:
        raise ValueError
    return _BOOLEANS[text.lower()]


_BOOLEAN = _Kind(_parse_boolean, "true or false")
_TIMEOUT_MS = _integer(0, 2**31 - 2)

_KINDS: Mapping[str, _Kind] = {
    "port": _integer(0, 65535),
    "database": _integer(0, 2**31 - 1),
    "ssl": _BOOLEAN,
    "ssl_verify": _BOOLEAN,
    "timeout": _TIMEOUT_MS,
    "connect_timeout": _TIMEOUT_MS,
    "send_timeout": _TIMEOUT_MS,
    "read_timeout": _TIMEOUT_MS,
}

#: Options whose Kong type can't hold a reference: they take theirs from the map ``redis.references``.
REFERENCE_OPTIONS = tuple(_KINDS)


def _overrides(references: Mapping[str, Any]) -> dict[str, Any]:
    overrides: dict[str, Any] = {}
    for name, value in references.items():
        kind = _KINDS.get(name)
        if kind is None:
            raise ConfigError(f"redis.references: no option '{name}'; known are {', '.join(_KINDS)}")
        text = value.reveal() if isinstance(value, Secret) else str(value)
        try:
            overrides[name] = kind.parse(text.strip())
        except ValueError:
            raise ConfigError(f"redis.references.{name}: its value is not {kind.wanted}") from None
    return overrides


#: The section as fields of a Kong schema. No field is marked referenceable: Kong then hands references over as they
#: are, and no plaintext enters its memory.
REDIS_FIELDS: list[dict[str, Any]] = [
    {"host": {"type": "string", "default": "127.0.0.1"}},
    {"port": {"type": "integer", "between": [0, 65535], "default": 6379}},
    {"username": {"type": "string"}},
    {"password": {"type": "string"}},
    {"database": {"type": "integer", "default": 0}},
    {"ssl": {"type": "boolean", "default": False}},
    {"ssl_verify": {"type": "boolean", "default": True}},
    {"ssl_ca_file": {"type": "string"}},
    {"server_name": {"type": "string"}},
    {"timeout": _TIMEOUT_FIELD},
    {"connect_timeout": _TIMEOUT_FIELD},
    {"send_timeout": _TIMEOUT_FIELD},
    {"read_timeout": _TIMEOUT_FIELD},
    {"keepalive_pool_size": {"type": "integer", "between": [1, 2**31 - 2], "default": 256}},
    {
        "references": {
            "type": "map",
            "keys": {"type": "string", "one_of": list(REFERENCE_OPTIONS)},
            "values": {"type": "string"},
        }
    },
]
