"""Opening what a plugin's settings mean: one Redis, the master that Sentinels know, or a Cluster.

Nothing here connects: connections open on first use, from pools that hold callers back when they are full.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from kong_vault_py.plugin_kit.redis_settings import RedisSettings
from kong_vault_py.secret import Secret

if TYPE_CHECKING:
    from redis.retry import Retry

__all__ = ["Connections", "open_connections"]


class Connections(NamedTuple):
    """Clients of redis-py.

    Attributes:
        main: returns the client for writes, and for reads where nothing else is said. Connecting to a Cluster begins
            with its map of nodes, so the first call may fail.
        replicas: the client for reads from a master's replicas; ``None`` without Sentinel.
        close: closes every connection.
    """

    main: Callable[[], Any]
    replicas: Any
    close: Callable[[], None]


def open_connections(settings: RedisSettings) -> Connections:
    """Return clients for these settings; ``redis`` must be installed."""
    if settings.sentinel_master:
        return _behind_sentinels(settings)
    if settings.cluster_nodes:
        return _cluster(settings)
    return _single(settings)


def _single(settings: RedisSettings) -> Connections:
    import redis

    where = {"host": _text(settings.host), "port": settings.port}
    pool = redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
        **where, db=settings.database, retry=_no_retry(), **_pool_options(settings)
    )
    client = redis.Redis(connection_pool=pool)
    return Connections(lambda: client, None, pool.disconnect)


def _behind_sentinels(settings: RedisSettings) -> Connections:
    import redis
    from redis import sentinel

    class BlockingPool(sentinel.SentinelConnectionPool, redis.BlockingConnectionPool):
        """Asks the Sentinels where to connect, and waits for a free connection."""

    class Sentinels(sentinel.Sentinel):
        def discover_master(self, service_name: str) -> Any:
            try:
                return super().discover_master(service_name)  # type: ignore[no-untyped-call]
            except sentinel.MasterNotFoundError as error:
                # The package keeps what each Sentinel said in the text alone; a refusal has to be seen as one.
                if "AuthenticationError" in str(error):
                    raise redis.AuthenticationError("a Sentinel refuses the login") from None
                raise

    login = {"username": _text(settings.sentinel_username), "password": _text(settings.sentinel_password)}
    to_sentinels = {**_socket_options(settings), **_tls_options(settings), **login, "retry": _no_retry()}
    nodes = [(str(_text(host)), port) for host, port in settings.sentinel_nodes]
    sentinels = Sentinels([], sentinel_kwargs={})  # type: ignore[no-untyped-call]
    sentinels.sentinels = [
        redis.Redis(connection_pool=redis.ConnectionPool(host=host, port=port, **to_sentinels)) for host, port in nodes
    ]
    kind = _named_by(settings, sentinel.SentinelManagedSSLConnection if settings.ssl else None)
    options = _pool_options(settings) | {"connection_class": kind or sentinel.SentinelManagedConnection}
    pools = [
        BlockingPool(  # type: ignore[no-untyped-call]
            _text(settings.sentinel_master),
            sentinels,
            is_master=is_master,
            db=settings.database,
            retry=_no_retry(),
            **options,
        )
        for is_master in (True, False)
    ]
    main, replicas = (redis.Redis(connection_pool=pool) for pool in pools)

    def close() -> None:
        for pool in (*pools, *(each.connection_pool for each in sentinels.sentinels)):
            pool.disconnect()

    return Connections(lambda: main, replicas, close)


def _cluster(settings: RedisSettings) -> Connections:
    import redis
    from redis.cluster import ClusterNode

    opened: list[Any] = []
    lock = threading.Lock()

    def main() -> Any:
        if not opened:
            with lock:
                if not opened:
                    opened.append(connect())
        return opened[0]

    def connect() -> Any:
        (host, port), *others = ((str(_text(host)), port) for host, port in settings.cluster_nodes)
        # By its URL the package takes our own kind of pool and connection, as in the other modes.
        client = redis.RedisCluster(
            url=f"redis://{f'[{host}]' if ':' in host else host}:{port}",
            startup_nodes=[ClusterNode(*other) for other in others],  # type: ignore[no-untyped-call]
            connection_pool_class=redis.BlockingConnectionPool,
            retry=_no_retry(tries=1),
            **_pool_options(settings),
        )
        client.RedisClusterRequestTTL = settings.cluster_max_redirections + 1
        return client

    def close() -> None:
        for client in opened:
            client.close()

    return Connections(main, None, close)


def _pool_options(settings: RedisSettings) -> dict[str, Any]:
    return {
        **_socket_options(settings),
        **_tls_options(settings),
        "username": _text(settings.username),
        "password": _text(settings.password),
        "max_connections": settings.pool_size,
        "timeout": settings.connect_timeout_s,
    }


def _socket_options(settings: RedisSettings) -> dict[str, Any]:
    return {
        "socket_connect_timeout": settings.connect_timeout_s,
        "socket_timeout": settings.io_timeout_s,
        "protocol": 2,
    }


def _tls_options(settings: RedisSettings) -> dict[str, Any]:
    if not settings.ssl:
        return {}
    import redis

    return {
        "connection_class": _named_by(settings, redis.SSLConnection),
        "ssl_cert_reqs": "required" if settings.ssl_verify else "none",
        "ssl_check_hostname": settings.ssl_verify,
        "ssl_ca_certs": settings.ssl_ca_file,
    }


def _named_by(settings: RedisSettings, kind: type | None) -> type | None:
    """Return redis-py's TLS connection, with a server name of its own: the package always takes the host."""
    if kind is None or settings.server_name is None:
        return kind
    name = str(_text(settings.server_name))

    def wrap(self: Any, sock: Any) -> Any:
        host, self.host = self.host, name
        try:
            return kind._wrap_socket_with_ssl(self, sock)  # type: ignore[attr-defined]
        finally:
            self.host = host

    return type("NamedSSLConnection", (kind,), {"_wrap_socket_with_ssl": wrap})


def _no_retry(tries: int = 0) -> Retry:
    """Return no retries of the package's own, which wait; a Cluster needs one, to look again where a key is."""
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    return Retry(NoBackoff(), tries)


def _text(value: str | Secret | None) -> str | None:
    return value.reveal() if isinstance(value, Secret) else value
