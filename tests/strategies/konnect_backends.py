"""Prepares Config Stores for the tests of the konnect strategy: in a file, and at a manager."""

from __future__ import annotations

from pathlib import Path

from kong_vault_py.config_store import Envelope, MasterKeys
from kong_vault_py.config_store.key_file import create_key_file
from kong_vault_py.config_store.master_keys import new_key_text
from kong_vault_py.config_store.store_file import StoreFile
from kong_vault_py.options import build_config
from kong_vault_py.strategies.konnect import KonnectConfig, KonnectStrategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.config_store_api import STORE_ID, ConfigStoreApi
from tests.servers.ports import free_port

_MALFORMED = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b'HTTP/1.1 200 OK\r\nContent-Length: 35\r\n\r\n{"key": "contract-value","value": 5}',
    b'HTTP/1.1 200 OK\r\nContent-Length: 32\r\n\r\n{"key": "another", "value": "pw"}',
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b'HTTP/1.1 404 Not Found\r\nContent-Length: 23\r\n\r\n{"detail": "Not Found"}',
    b"HTTP/1.0 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port\n",
]


def konnect_strategy(**options: object) -> KonnectStrategy:
    """Make a strategy; ``options`` as an operator writes them."""
    return KonnectStrategy(build_config(KonnectConfig, options, where="vault 'test'"))


class FileBackend(StrategyBackend):
    """A store file with its key file.

    Args:
        folder: an empty one.
    """

    def __init__(self, folder: Path) -> None:
        self.key_file, self.path, self._folder = folder / "master.key", folder / "secrets.store", folder
        text = new_key_text()
        create_key_file(self.key_file, text)
        self.envelope = Envelope(MasterKeys.parse(text, "the test"))
        self.store = StoreFile(self.path, max_value_chars=65_536)
        self.store.put("first", "value", self.envelope)
        self.credentials = [text]

    def strategy(self, **options: object) -> KonnectStrategy:
        return konnect_strategy(**{"store_file": str(self.path), "master_key": f"file:{self.key_file}"} | options)

    def put(self, resource: str, value: str) -> None:
        self.store.put(resource, value, self.envelope)

    def remove(self, resource: str) -> None:
        self.store.delete(resource)

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.put(resource, new)
        return 1.0, 2.0

    def strategy_with_wrong_credentials(self) -> KonnectStrategy:
        other = self._folder / "other.key"
        create_key_file(other, new_key_text())
        return self.strategy(master_key=f"file:{other}")

    def strategy_unreachable(self) -> KonnectStrategy:
        return self.strategy(store_file=str(self._folder / "not-mounted" / "secrets.store"))


class ManagerBackend(StrategyBackend):
    """A Config Store at a manager.

    Args:
        server: the manager.
        authority: file of its certificate authority, where it speaks TLS.
    """

    malformed_answers = _MALFORMED

    def __init__(self, server: ConfigStoreApi, authority: Path | None = None) -> None:
        self.server = server
        self.credentials = [server.token]
        self._authority = authority

    def strategy(self, **options: object) -> KonnectStrategy:
        given: dict[str, object] = {
            "manager_url": self.server.url,
            "node_token": self.server.token,
            "config_store_id": STORE_ID,
        }
        if self._authority:
            given["ca_cert"] = str(self._authority)
        return konnect_strategy(**given | options)

    def put(self, resource: str, value: str) -> None:
        self.server.put(resource, value)

    def remove(self, resource: str) -> None:
        self.server.remove(resource)

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        return float(self.server.put(resource, old)), float(self.server.put(resource, new))

    def strategy_denied(self, resource: str) -> KonnectStrategy:
        token = self.server.new_token()
        self.server.deny(token, resource)
        return self.strategy(node_token=token)

    def strategy_with_wrong_credentials(self) -> KonnectStrategy:
        return self.strategy(node_token="not-the-token")

    def strategy_unreachable(self) -> KonnectStrategy:
        return self.strategy(manager_url=f"http://127.0.0.1:{free_port()}")

    def strategy_at(self, host: str, port: int) -> KonnectStrategy:
        return self.strategy(manager_url=f"http://{host}:{port}")
