"""Connections to Redis: one pool per settings in the process, and Redis' errors in the words of our error tree."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable
from typing import Any

from kong_vault_py.errors import (
    AuthenticationError,
    MissingDependencyError,
    PermissionDeniedError,
    StrategyError,
    StrategyTimeoutError,
    UnavailableError,
)
from kong_vault_py.plugin_kit.redis_connections import open_connections
from kong_vault_py.plugin_kit.redis_settings import RedisSettings
from kong_vault_py.secret import mask

__all__ = ["RedisClient"]

_DELETE_IF = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"

# Errors of the package whose own texts name hosts.
_REASONS = {
    "MasterNotFoundError": "no Sentinel that answers knows that master",
    "SlaveNotFoundError": "no Sentinel that answers knows a replica of that master",
    "RedisClusterException": "no node of it answers",
}

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
        self._connections = open_connections(settings)
        self._errors = redis.exceptions
        weakref.finalize(self, self._connections.close)

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
            value: bytes | None = self._read(lambda redis: redis.get(key))
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
        self.run(lambda redis: redis.set(key, value, px=max(1, int(kept_s * 1000))))

    def delete_if(self, key: str, value: bytes) -> bool:
        """Delete ``key`` if it still has this value, and say whether it had.

        Raises:
            StrategyError: see :meth:`get`.
        """
        return bool(self.run(lambda redis: redis.eval(_DELETE_IF, 1, key, value)))

    def run(self, command: Callable[[Any], Any]) -> Any:
        """Run a command of redis-py's client (the master's, the Cluster's); it may be called twice.

        Raises:
            StrategyError: see :meth:`get`.
        """
        return self._guarded(lambda: command(self._connections.main()))

    def _read(self, command: Callable[[Any], Any]) -> Any:
        """Run a command that reads, on the server that ``sentinel_role`` names."""
        replicas, role = self._connections.replicas, self._settings.sentinel_role
        if replicas is None or role == "master":
            return self.run(command)
        first, second = (self.run, self._on_replica) if role == "any" else (self._on_replica, self.run)
        try:
            return first(command)
        except UnavailableError:
            return second(command)

    def _on_replica(self, command: Callable[[Any], Any]) -> Any:
        return self._guarded(lambda: command(self._connections.replicas))

    def _guarded(self, command: Callable[[], Any]) -> Any:
        try:
            try:
                return command()
            except self._errors.ConnectionError as error:
                # A connection that the server closed is noticed only in use, or while it is taken from the pool.
                if isinstance(error, self._errors.AuthenticationError):
                    raise
                return command()
        except (self._errors.RedisError, self._errors.RedisClusterException, OSError, ValueError) as error:
            raise self._translated(error) from error

    def _translated(self, error: Exception) -> StrategyError:
        where, errors = self._settings.where, self._errors
        if isinstance(error, errors.RedisClusterException):
            # Why no node told the map of the Cluster stands behind it.
            error = _origin(error)
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
            reason = str(error) if isinstance(error, errors.ResponseError) else _REASONS.get(type(error).__name__)
            reason = reason or type(error).__name__
        return UnavailableError(f"{where} is unavailable: {' '.join(mask(reason).split())}")


def _origin(error: Exception) -> Exception:
    found = error.__cause__ or error.__context__
    return found if isinstance(found, Exception) else error
