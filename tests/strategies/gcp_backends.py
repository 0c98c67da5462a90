"""Prepares Secret Manager for the tests of the gcp strategy, through its API, as an administrator would."""

from __future__ import annotations

import base64
import http.client
import json
from collections.abc import Sequence
from typing import Any

from kong_vault_py.options import build_config
from kong_vault_py.strategies.gcp import GcpConfig, GcpStrategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.google_accounts import GoogleAccounts
from tests.servers.ports import free_port
from tests.servers.secret_manager import PROJECT, SecretManager

_ADMIN = "admin@example.com"
_OK = b"HTTP/1.1 200 OK\r\nContent-Length: "
_MALFORMED = [
    b"garbage\r\n\r\n",
    _OK + b"13\r\n\r\n<html></html>",
    _OK + b"2\r\n\r\n[]",
    _OK + b"2\r\n\r\n{}",
    _OK + b'13\r\n\r\n{"data": "x"}',
    _OK + b'71\r\n\r\n{"name": "projects/1/secrets/other/versions/1", "payload":{"data":"eA=="}',
    _OK + b'63\r\n\r\n{"name": "projects/1/secrets/kong-vault-py-x/versions/1"}       ',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b'HTTP/1.1 404 Not Found\r\nContent-Length: 20\r\n\r\n{"error":{"code":404}',
]


class GcpBackend(StrategyBackend):
    """One project in Secret Manager, and a service account that may read its secrets.

    Args:
        server: Secret Manager.
        accounts: the service accounts.
    """

    malformed_answers = _MALFORMED

    def __init__(self, server: SecretManager, accounts: GoogleAccounts) -> None:
        self.server = server
        self.accounts = accounts
        self.key = accounts.make_account("kong")
        server.readers.add(self.key["client_email"])
        server.admins.add(_ADMIN)

    @property
    def credentials(self) -> Sequence[str]:  # type: ignore[override]  # grows while tokens are issued
        """The key, line by line, and every token."""
        return [*(line for line in self.key["private_key"].splitlines() if len(line) > 20), *self.accounts.tokens]

    def strategy(self, **options: object) -> GcpStrategy:
        """Make a strategy that logs in with a service account's key; ``options`` as an operator writes them."""
        defaults: dict[str, object] = {
            "project_id": PROJECT,
            "endpoint_url": self.server.url,
            "service_account": json.dumps(self.key),
        }
        return GcpStrategy(build_config(GcpConfig, defaults | options, where="vault 'test'"))

    def call(self, method: str, path: str, body: object = None) -> tuple[int, dict[str, Any]]:
        """Call the API as an administrator."""
        connection = http.client.HTTPConnection(self.server.host, self.server.port, timeout=10)
        headers = {"Authorization": f"Bearer {self.accounts.issue(_ADMIN)}", "Content-Type": "application/json"}
        try:
            connection.request(method, f"/v1/projects/{PROJECT}/{path}", json.dumps(body) if body else None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        finally:
            connection.close()

    def put(self, resource: str, value: str) -> None:
        self.call("POST", f"secrets?secretId={resource}", {"replication": {"automatic": {}}})
        self.add_version(resource, value)

    def add_version(self, resource: str, value: str) -> None:
        """Add a version, which is from now on the latest."""
        data = value.encode()
        if not data:
            self.server.store(resource, data)
            return
        body = {"payload": {"data": base64.b64encode(data).decode()}}
        status, answer = self.call("POST", f"secrets/{resource}:addVersion", body)
        assert status == 200, answer

    def remove(self, resource: str) -> None:
        status, answer = self.call("DELETE", f"secrets/{resource}")
        assert status == 200, answer

    def change(self, resource: str, version: int, action: str) -> None:
        """Disable, enable or destroy a version."""
        status, answer = self.call("POST", f"secrets/{resource}/versions/{version}:{action}", {})
        assert status == 200, answer

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.add_version(resource, new)
        return 1.0, 2.0

    def strategy_denied(self, resource: str) -> GcpStrategy:
        return self.strategy(service_account=json.dumps(self.accounts.make_account("stranger")))

    def strategy_with_wrong_credentials(self) -> GcpStrategy:
        return self.strategy(service_account=json.dumps(self.accounts.make_account("deleted", known=False)))

    def strategy_unreachable(self) -> GcpStrategy:
        return self.strategy(endpoint_url=f"http://127.0.0.1:{free_port()}")

    def strategy_at(self, host: str, port: int) -> GcpStrategy:
        return self.strategy(endpoint_url=f"http://{host}:{port}")
