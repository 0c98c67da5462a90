"""A Redis whose address and credentials may change at any time: what a plugin instance asks through."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from kong_vault_py.errors import AuthenticationError, PermissionDeniedError
from kong_vault_py.plugin_kit.caching.outage import Outage
from kong_vault_py.plugin_kit.redis_client import RedisClient
from kong_vault_py.plugin_kit.redis_settings import RedisSettings

__all__ = ["Bound", "RedisAccess"]

_REFUSALS = (AuthenticationError, PermissionDeniedError)

R = TypeVar("R")


class Bound(Protocol):
    """What is needed of :class:`kong_vault_py.plugin.BoundConfig`."""

    def try_(self, callback: Callable[[Any], R], *, retry_on: type[Exception] | tuple[type[Exception], ...] = ...) -> R:
        """Call with the current config; refresh its references and call again where that fails."""


class RedisAccess:
    """Redis, by whoever may log in at the moment.

    When Redis refuses the user, the references are refreshed once and the call is made again. When the vault has a new
    password that Redis doesn't take yet, the connections of the old one are used until it does.

    Args:
        bound: the plugin's config; its ``redis`` section is used.
        clock: monotonic seconds; tests tick their own.
    """

    def __init__(self, bound: Bound, clock: Callable[[], float] = time.monotonic) -> None:
        self._bound = bound
        self._latest: tuple[Mapping[str, Any], RedisClient] | None = None
        self._accepted: RedisClient | None = None
        self._refusal = Outage(clock)

    def run(self, call: Callable[[RedisClient], R]) -> R:
        """Return ``call(client)``, made with the client that Redis accepts.

        Raises:
            VaultError: Redis can't be reached or refuses the user, or a reference can't be resolved.
        """
        return self._bound.try_(lambda config: self._call(self._newest(config), call), retry_on=_REFUSALS)

    def _call(self, newest: RedisClient, call: Callable[[RedisClient], R]) -> R:
        *others, last = self._in_order(newest)
        for client in others:
            with contextlib.suppress(*_REFUSALS):
                return self._call_one(client, newest, call)
        return self._call_one(last, newest, call)

    def _call_one(self, client: RedisClient, newest: RedisClient, call: Callable[[RedisClient], R]) -> R:
        try:
            result = call(client)
        except _REFUSALS as error:
            if client is newest:
                self._refusal.began(str(error))
            raise
        if client is newest:
            self._accepted = newest
            self._refusal.ended()
        return result

    def _in_order(self, newest: RedisClient) -> tuple[RedisClient, ...]:
        accepted = self._accepted
        if accepted is None or accepted is newest:
            return (newest,)
        return (accepted, newest) if self._refusal.forbids() else (newest, accepted)

    def _newest(self, config: Mapping[str, Any]) -> RedisClient:
        """Return the client for a resolved config, which is the same object while no secret changed."""
        latest = self._latest
        if latest is not None and latest[0] is config:
            return latest[1]
        client = RedisClient.shared(RedisSettings.from_config(config["redis"]))
        self._latest = (config, client)
        self._refusal.ended()
        return client
