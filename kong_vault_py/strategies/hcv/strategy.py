"""The hcv vault: HashiCorp Vault and OpenBao, KV engines version 1 and 2."""

from __future__ import annotations

from typing import ClassVar

from kong_vault_py.errors import AuthenticationError, PermissionDeniedError
from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy
from kong_vault_py.strategies.hcv.answers import RefusedError, read_refused, unexpected
from kong_vault_py.strategies.hcv.auth_token import look_up
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.kv import Query
from kong_vault_py.strategies.hcv.lease import Lease
from kong_vault_py.strategies.hcv.login_methods import METHODS
from kong_vault_py.strategies.hcv.tokens import Tokens
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["HcvStrategy"]

_DENIED = 403
_CHECKING = "checking Vault's health"


class HcvStrategy(Strategy[HcvConfig]):
    """Reads secrets of a KV engine; the value is the JSON text of the secret's fields.

    A pinned version is not immutable: it can be deleted or destroyed, and versions start over at 1 when a secret is
    deleted with its history and written anew.
    """

    name: ClassVar[str] = "hcv"
    config_class: ClassVar[type[StrategyConfig]] = HcvConfig
    sdk: ClassVar[tuple[str, ...]] = ("hvac", "requests")

    def __init__(self, config: HcvConfig) -> None:
        super().__init__(config)
        self._transport = Transport(config)
        self._tokens = Tokens(METHODS[config.auth_method](config), self._transport)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return the secret's fields as a JSON object, logging in first where needed.

        A refusal may mean that the token was revoked or has expired early: then one new login, and one more try.
        """
        query = Query(self.config, resource, version)
        deadline = Deadline(timeout_s)
        lease = self._tokens.current(deadline)
        try:
            return self._read(query, lease, deadline)
        except PermissionDeniedError:
            if look_up(lease.token, self._transport, deadline) is not None:
                raise
        return self._read(query, self._replaced(lease, deadline, query.doing), deadline)

    def check(self, *, timeout_s: float) -> Health:
        """Ask for Vault's health, and whether it accepts our token."""
        deadline = Deadline(timeout_s)

        def ask() -> None:
            self._ask_health(deadline)
            lease = self._tokens.current(deadline)
            if look_up(lease.token, self._transport, deadline) is None:
                self._replaced(lease, deadline, _CHECKING)

        return Health.of(ask)

    def close(self) -> None:
        """Forget the token and close the connections; the token itself lives on in Vault until it expires."""
        self._tokens.close()
        self._transport.close()

    def _read(self, query: Query, lease: Lease, deadline: Deadline) -> Fetched:
        try:
            return query.read(self._transport.adapter(lease.token, deadline, query.doing))
        except RefusedError as refused:
            raise read_refused(refused, query.doing, mount=self.config.mount, kv=self.config.kv) from None

    def _replaced(self, lease: Lease, deadline: Deadline, doing: str) -> Lease:
        """Return a new token for one that Vault doesn't know, where the login method can get one."""
        if self._tokens.repeatable:
            return self._tokens.replace(lease, deadline)
        raise AuthenticationError(
            f"{doing}: Vault refuses the token: wrong, expired or revoked, or without the policy 'default'; "
            "renew option 'token'"
        )

    def _ask_health(self, deadline: Deadline) -> None:
        # sys/health exists in the root namespace alone.
        adapter = self._transport.adapter(None, deadline, _CHECKING, namespace=False)
        from hvac.api.system_backend.health import Health as HealthApi

        try:
            HealthApi(adapter).read_health_status(standby_ok=True, method="GET")
        except RefusedError as refused:
            raise unexpected(refused, _CHECKING) from None
