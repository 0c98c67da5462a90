"""A ``redis`` section of a plugin config, with its references resolved, in the types that a connection needs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.redis_fields import REDIS_FIELDS, REFERENCE_OPTIONS
from kong_vault_py.secret import Secret

__all__ = ["REDIS_FIELDS", "REFERENCE_OPTIONS", "Node", "RedisSettings", "check_topology"]

_BOOLEANS = {"true": True, "on": True, "1": True, "false": False, "off": False, "0": False}

_DEFAULT_TIMEOUT_MS = 2000
_DEFAULT_PORT = 6379
_THIS_MACHINE = "127.0.0.1"

#: Host and port of a Sentinel or of a Cluster's node.
Node = tuple["str | Secret", int]


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
        pool_size: connections at most, to one server.
        sentinel_master: name of the master that the Sentinels watch, ``None`` for no Sentinel.
        sentinel_role: ``master``, or ``slave`` or ``any`` for reads.
        sentinel_nodes: the Sentinels.
        sentinel_username: who we are to them.
        sentinel_password: ``None`` to send them no AUTH.
        cluster_nodes: nodes of a Cluster to ask first; empty for no Cluster.
        cluster_max_redirections: how often one command may be sent to another node.
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
    sentinel_master: str | Secret | None = None
    sentinel_role: str = "master"
    sentinel_nodes: tuple[Node, ...] = ()
    sentinel_username: str | Secret | None = None
    sentinel_password: str | Secret | None = None
    cluster_nodes: tuple[Node, ...] = ()
    cluster_max_redirections: int = 5

    @classmethod
    def from_config(cls, redis: Mapping[str, Any]) -> RedisSettings:
        """Build settings from the section, which may hold :class:`Secret` objects in place of references.

        Raises:
            ConfigError: the section contradicts itself, or what a reference of ``redis.references`` brought doesn't fit
                its option.
        """
        check_topology(redis)
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
            sentinel_master=given.get("sentinel_master") or None,
            sentinel_role=given.get("sentinel_role") or "master",
            sentinel_nodes=_nodes(given.get("sentinel_nodes"), "host"),
            sentinel_username=given.get("sentinel_username") or None,
            sentinel_password=given.get("sentinel_password") or None,
            cluster_nodes=_nodes(given.get("cluster_nodes"), "ip"),
            cluster_max_redirections=given.get("cluster_max_redirections") or 5,
        )

    @property
    def where(self) -> str:
        """Which Redis, for messages; ``***`` for what came from a vault."""
        if self.sentinel_master:
            return f"Redis master '{self.sentinel_master}' of the Sentinels at {_spoken(self.sentinel_nodes)}"
        if self.cluster_nodes:
            return f"Redis Cluster at {_spoken(self.cluster_nodes)}"
        return f"Redis at {self.host}:{self.port}"


def check_topology(redis: Mapping[str, Any]) -> None:
    """Check which Redis a section means: one server, Sentinel or Cluster. Looks at no value that may be a reference.

    Raises:
        ConfigError: it contradicts itself.
    """
    sentinel = [name for name in ("sentinel_master", "sentinel_role", "sentinel_nodes") if redis.get(name)]
    if sentinel and not {"sentinel_master", "sentinel_nodes"} <= set(sentinel):
        raise ConfigError("redis: Sentinel needs both sentinel_master and sentinel_nodes")
    if redis.get("cluster_nodes") and sentinel:
        raise ConfigError("redis: sentinel_master and cluster_nodes exclude each other")
    if redis.get("cluster_nodes") and (redis.get("database") or "database" in (redis.get("references") or {})):
        raise ConfigError("redis: a Cluster has database 0 alone")


def _nodes(records: Iterable[Mapping[str, Any]] | None, host: str) -> tuple[Node, ...]:
    return tuple((node.get(host) or _THIS_MACHINE, node.get("port") or _DEFAULT_PORT) for node in records or ())


def _spoken(nodes: Iterable[Node]) -> str:
    return ", ".join(f"{host}:{port}" for host, port in nodes)


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
