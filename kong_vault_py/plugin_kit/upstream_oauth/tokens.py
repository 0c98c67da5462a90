"""From a plugin's config to its token: who asks the identity provider, with which secrets."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.plugin_kit.upstream_oauth.idp_client import IdpClient
from kong_vault_py.plugin_kit.upstream_oauth.token import Token, read_grant
from kong_vault_py.plugin_kit.upstream_oauth.token_request import TokenRequest, token_request

__all__ = ["TokenRequester"]

R = TypeVar("R")
Config = Mapping[str, Any]


class Bound(Protocol):
    """What is needed of :class:`kong_vault_py.plugin.BoundConfig`."""

    def try_(self, callback: Callable[[Any], R], *, retry_on: type[Exception] | tuple[type[Exception], ...] = ...) -> R:
        """Call with the current config; refresh its references and call again where that fails."""


class TokenRequester:
    """Asks the token endpoint, with the login of the moment.

    When the IdP refuses the login, the references are refreshed once and it is asked again. When the vault has a new
    secret that the IdP doesn't take yet, the one that it took last is used.

    Args:
        bound: the plugin's config.
        clock: Unix time; tests tick their own.
    """

    def __init__(self, bound: Bound, clock: Callable[[], float] = time.time) -> None:
        self._bound = bound
        self._clock = clock
        self._latest: tuple[Config, IdpClient] | None = None
        self._accepted: Config | None = None

    def obtain(self) -> Token:
        """Return a new token.

        Raises:
            VaultError: the IdP gives none, or a reference can't be resolved.
        """
        return self._bound.try_(self._ask, retry_on=AuthenticationError)

    def _ask(self, config: Config) -> Token:
        accepted = self._accepted
        try:
            token = self._ask_with(config)
        except AuthenticationError:
            if accepted is None or accepted is config:
                raise
            return self._ask_with(accepted)
        self._accepted = config
        return token

    def _ask_with(self, config: Config) -> Token:
        def make() -> TokenRequest:
            return token_request(config["oauth"], config["client"], self._clock())

        began_s = self._clock()
        where = make().where
        answer = self._client(config).post(make)
        grant = read_grant(answer.status, answer.body, where)
        lifetime_s = config["cache"]["default_ttl"] if grant.lifetime_s is None else grant.lifetime_s
        # From before the request: it is no longer good than the IdP thinks.
        return Token(grant.value, began_s + lifetime_s)

    def _client(self, config: Config) -> IdpClient:
        latest = self._latest
        if latest is not None and latest[0] is config:
            return latest[1]
        client = IdpClient(config["client"])
        self._latest = (config, client)
        return client
