"""Connections to Redis: one pool per settings in the process, and Redis' errors in the words of our error tree."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import (
    AuthenticationError,
    MissingDependencyError,
    PermissionDeniedError,
    StrategyError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.plugin_kit.redis_settings import RedisSettings
from kong_vault_py.secret import Secret, mask

if TYPE_CHECKING:
    import redis

__all__ = ["RedisClient"]

_shared: weakref.WeakValueDictionary[RedisSettings, RedisClient] = weakref.WeakValueDictionary()
_shared_lock = threading.Lock()


class RedisClient:
    """Reads and writes of one Redis, over a pool of connections that open on first use.

    The pool lives as long as somebody holds the client: when a password has rotated, callers move to a new client,
    calls under way end on the old one, and then its connections close.

    Args:
        settings: where, and who we are.

    Raises:
        MissingDependencyError: the ``redis`` package isn't installed.
    """

    def __init__(self, settings: RedisSettings) -> None:
        try:
            import redis
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                "the Redis strategy needs the Python package 'redis': pip install 'kong-vault-py[redis]'"
            ) from error
        self._settings = settings
        pool = _pool(settings)
        self._redis = redis.Redis(connection_pool=pool)
        self._errors = redis.exceptions
        weakref.finalize(self, pool.disconnect)

    @classmethod
    def shared(cls, settings: RedisSettings) -> RedisClient:
        """Return the process's client for these settings."""
        with _shared_lock:
            found = _shared.get(settings)
            if found is None:
                found = _shared[settings] = cls(settings)
            return found

    def get(self, key: str) -> bytes | None:
        """Return the string value of ``key``, ``b""`` where it holds another type, ``None`` where it is not set.

        Raises:
            StrategyError: a subclass says what is wrong; AuthenticationError and PermissionDeniedError mean the user.
        """
        try:
            value: bytes | None = self._run(lambda: self._redis.get(key))
        except UnavailableError as error:
            if isinstance(error.__cause__, self._errors.ResponseError) and "WRONGTYPE" in str(error.__cause__):
                return b""
            raise
        return value

    def set(self, key: str, value: bytes, kept_s: float) -> None:
        """Write ``value`` under ``key`` for ``kept_s`` seconds, in one command.

        Raises:
            StrategyError: see :meth:`get`.
        """
        self._run(lambda: self._redis.set(key, value, px=max(1, int(kept_s * 1000))))

    def _run(self, command: Callable[[], Any]) -> Any:
        try:
            try:
                return command()
            except self._errors.ConnectionError as error:
                # A connection that the server closed is noticed only in use, or while it is taken from the pool.
                if isinstance(error, self._errors.AuthenticationError):
                    raise
                return command()
        except (self._errors.RedisError, OSError, ValueError) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> StrategyError:
        where, errors = f"Redis at {self._settings.where}", self._errors
        if isinstance(error, errors.AuthenticationError):
            return AuthenticationError(f"{where} refuses the username or password")
        if isinstance(error, errors.NoPermissionError):
            return PermissionDeniedError(f"{where}: its ACL doesn't allow this user the command or the key")
        if isinstance(error, errors.TimeoutError):
            return StrategyTimeoutError(f"{where} did not answer in time")
        cause = error.__cause__ or error.__context__
        # The package's own text names the host, which may be a secret; the system's text doesn't.
        reason = cause.strerror if isinstance(cause, OSError) and cause.strerror else None
        if reason is None:
            reason = str(error) if isinstance(error, errors.ResponseError) else type(error).__name__
        return UnavailableError(f"{where} is unavailable: {' '.join(mask(reason).split())}")


def _pool(settings: RedisSettings) -> redis.BlockingConnectionPool:
    import redis
    from redis.backoff import NoBackoff
    from redis.retry import Retry

    options: dict[str, Any] = {
        "host": _text(settings.host),
        "port": settings.port,
        "db": settings.database,
        "username": _text(settings.username),
        "password": _text(settings.password),
        "socket_connect_timeout": settings.connect_timeout_s,
        "socket_timeout": settings.io_timeout_s,
        # Not the package's own retries, which wait: see RedisClient._run.
        "retry": Retry(NoBackoff(), 0),
        "protocol": 2,
    }
    if settings.ssl:
        options |= {
            "connection_class": _named_ssl_connection(settings.server_name),
            "ssl_cert_reqs": "required" if settings.ssl_verify else "none",
            "ssl_check_hostname": settings.ssl_verify,
            "ssl_ca_certs": settings.ssl_ca_file,
        }
    return redis.BlockingConnectionPool(  # type: ignore[no-untyped-call]
        max_connections=settings.pool_size, timeout=settings.connect_timeout_s, **options
    )


def _named_ssl_connection(server_name: str | Secret | None) -> type[redis.SSLConnection]:
    """Return redis-py's TLS connection, with a server name of its own: the package always takes the host."""
    import redis

    if server_name is None:
        return redis.SSLConnection

    class NamedSSLConnection(redis.SSLConnection):
        def _wrap_socket_with_ssl(self, sock: Any) -> Any:
            host, self.host = self.host, str(_text(server_name))
            try:
                return super()._wrap_socket_with_ssl(sock)  # type: ignore[no-untyped-call]
            finally:
                self.host = host

    return NamedSSLConnection


def _text(value: str | Secret | None) -> str | None:
    return value.reveal() if isinstance(value, Secret) else value
