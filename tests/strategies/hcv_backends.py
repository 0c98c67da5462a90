"""Prepares a real Vault for the tests of the hcv strategy, with the policy that the documentation recommends."""

from __future__ import annotations

import json
import secrets
from typing import Any

from kong_vault_py.options import build_config
from kong_vault_py.strategies.hcv import HcvConfig, HcvStrategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.ports import free_port
from tests.servers.vault_server import VaultServer

_NO_POLICY = "default"
_MALFORMED = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b'HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{"data": "x"}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b"HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n",
]


def unique(name: str) -> str:
    """Return a name that no other test uses."""
    return f"{name}-{secrets.token_hex(4)}"


def hcv_strategy(server: VaultServer, **options: object) -> HcvStrategy:
    """Make a strategy for a server; ``options`` as an operator writes them."""
    where: dict[str, Any] = {"protocol": server.protocol, "host": server.host, "port": server.port}
    if server.authority:
        where["ca_cert"] = str(server.authority)
    return HcvStrategy(build_config(HcvConfig, where | options, where="vault 'test'"))


class HcvBackend(StrategyBackend):
    """One KV mount of its own in a Vault.

    Args:
        server: the Vault.
        kv: version of the engine, 1 or 2.
    """

    malformed_answers = _MALFORMED

    def __init__(self, server: VaultServer, kv: int) -> None:
        self.server = server
        self.kv = f"v{kv}"
        self.mount = unique("team/kv")
        self.policy = unique("read")
        data = f"{self.mount}/data" if kv == 2 else self.mount
        self._data = data
        server.enable_kv(self.mount, kv)
        server.write_policy(self.policy, f'path "{data}/*" {{ capabilities = ["read"] }}')
        self.token = server.make_token(policies=[self.policy], ttl="1h")
        self.credentials = [self.token]

    def remove_all(self) -> None:
        """Take everything out of Vault again."""
        self.server.disable(self.mount)
        self.server.call("DELETE", f"sys/policies/acl/{self.policy}")
        self.server.call("POST", "auth/token/revoke", {"token": self.token})

    def strategy(self, **options: object) -> HcvStrategy:
        """Make a strategy with a token that may read this mount and nothing else."""
        defaults: dict[str, object] = {"mount": self.mount, "kv": self.kv, "token": self.token}
        return hcv_strategy(self.server, **defaults | options)

    def put(self, resource: str, value: str) -> None:
        self.put_fields(resource, {"value": value})

    def put_fields(self, resource: str, fields: dict[str, object]) -> None:
        self.server.call("POST", f"{self._data}/{resource}", {"data": fields} if self.kv == "v2" else fields)

    def remove(self, resource: str) -> None:
        self.server.call("DELETE", f"{self._data}/{resource}")

    def expected(self, value: str) -> str:
        return json.dumps({"value": value}, ensure_ascii=False, separators=(",", ":"))

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.put(resource, new)
        return 1.0, 2.0

    def strategy_denied(self, resource: str) -> HcvStrategy:
        return self.strategy(token=self.server.make_token(policies=[_NO_POLICY], ttl="1h"))

    def strategy_with_wrong_credentials(self) -> HcvStrategy:
        return self.strategy(token="hvs.wrong")

    def strategy_unreachable(self) -> HcvStrategy:
        return self.strategy(port=free_port())

    def strategy_at(self, host: str, port: int) -> HcvStrategy:
        return self.strategy(protocol="http", host=host, port=port)
