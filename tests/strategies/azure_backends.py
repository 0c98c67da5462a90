"""Prepares the piece of Azure for the contract suite: plain secrets, and certificates."""

from __future__ import annotations

import contextlib
import json
import traceback
from collections.abc import Sequence
from typing import Any

import pytest

from kong_vault_py.errors import VaultError
from kong_vault_py.options import build_config
from kong_vault_py.strategies.azure import AzureConfig, AzureStrategy
from kong_vault_py.strategies.azure_certs import AzureCertsConfig, AzureCertsStrategy
from kong_vault_py.strategies.base import Strategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.azure_cloud import CLIENT_ID, CLIENT_SECRET, TENANT_ID, AzureCloud, forget_challenges
from tests.servers.ports import free_port
from tests.servers.tls_tunnel import TlsTunnel
from tests.strategies.azure_certificates import Made, make

REDIS = "/secrets/redis/"
TOKEN_PATH = f"/{TENANT_ID}/oauth2/v2.0/token"
TIMEOUT_S = 10.0

_FOREIGN_CHALLENGE = b'Bearer authorization="https://login.invalid/tenant", resource="https://vault.invalid"'
_MALFORMED = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b'HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\n{"value": 5}',
    b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{"value": "x", "attributes": []}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: " + _FOREIGN_CHALLENGE + b"\r\nContent-Length: 0\r\n\r\n",
]


def azure_strategy(cloud: AzureCloud, **options: object) -> AzureStrategy:
    """Make a strategy; ``options`` as an operator writes them, over those that work."""
    return AzureStrategy(build_config(AzureConfig, cloud.options(**options), where="vault 'test'"))


def certs_strategy(cloud: AzureCloud, **options: object) -> AzureCertsStrategy:
    """Make a strategy for certificates."""
    return AzureCertsStrategy(build_config(AzureCertsConfig, cloud.options(**options), where="vault 'test'"))


def fetch_redis(strategy: AzureStrategy, version: float | None = None, timeout_s: float = TIMEOUT_S) -> str | bytes:
    """Return the value of the secret ``redis``."""
    return strategy.fetch("redis", version, timeout_s=timeout_s).value


def redis_error(strategy: AzureStrategy, kind: type[VaultError], version: float | None = None) -> str:
    """Return the message of the fetch's error, having looked for credentials in everything that it carries."""
    with pytest.raises(kind) as caught:
        fetch_redis(strategy, version)
    assert CLIENT_SECRET not in "".join(traceback.format_exception(caught.value))
    assert str(caught.value).isprintable()
    return str(caught.value)


class AzureBackend(StrategyBackend):
    """Plain secrets. Close the stack when done."""

    malformed_answers = _MALFORMED

    def __init__(self, cloud: AzureCloud) -> None:
        self.cloud = cloud
        self.stack = contextlib.ExitStack()

    @property
    def credentials(self) -> Sequence[str]:  # type: ignore[override]
        return [CLIENT_SECRET, *self.cloud.logins.tokens]

    def strategy(self, **options: object) -> Strategy[Any]:
        return azure_strategy(self.cloud, **options)

    def put(self, resource: str, value: str) -> None:
        self.cloud.vault.put(resource, value)

    def remove(self, resource: str) -> None:
        self.cloud.vault.delete(resource)

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.put(resource, new)
        return 2.0, 1.0

    def strategy_denied(self, resource: str) -> Strategy[Any]:
        self.cloud.vault.denied.add((CLIENT_ID, resource))
        return self.strategy()

    def strategy_with_wrong_credentials(self) -> Strategy[Any]:
        return self.strategy(client_secret="wrong")

    def strategy_unreachable(self) -> Strategy[Any]:
        return self.strategy(vault_uri=f"https://127.0.0.1:{free_port()}")

    def strategy_at(self, host: str, port: int) -> Strategy[Any]:
        tunnel = self.stack.enter_context(TlsTunnel(self.cloud.tls, host, port))
        forget_challenges()
        return self.strategy(vault_uri=f"https://{tunnel.host}:{tunnel.port}")


class AzureCertsBackend(AzureBackend):
    """Certificates: each text of the suite stands for a certificate that is made for it.

    Args:
        content_type: how the vault stores them.
    """

    def __init__(self, cloud: AzureCloud, content_type: str) -> None:
        super().__init__(cloud)
        self._content_type = content_type
        self._made: dict[str, Made] = {}

    def strategy(self, **options: object) -> Strategy[Any]:
        return certs_strategy(self.cloud, **options)

    def put(self, resource: str, value: str) -> None:
        made = self._made.setdefault(value, make())
        self.cloud.vault.put(resource, made.stored(self._content_type), self._content_type)

    def expected(self, value: str) -> str:
        return json.dumps(self._made[value].parts, separators=(",", ":"))
