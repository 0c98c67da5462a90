"""Real Vault (or OpenBao) servers: one that is given, one in dev mode, one with file storage that can be sealed."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import ssl
import urllib.parse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.servers.certificates import Certificates
from tests.servers.polling import wait_until
from tests.servers.ports import free_port
from tests.servers.process import ServerProcess

_TIMEOUT_S = 10


class VaultRefusedError(Exception):
    """Vault answered an administrator's call with an error."""


class VaultServer:
    """A running Vault, with what a test's administrator does in it.

    Args:
        address: the base URL.
        root_token: may do everything.
        authority: PEM file of its certificate authority, for https.
    """

    def __init__(self, address: str, root_token: str, authority: Path | None = None) -> None:
        self.address = address
        self.root_token = root_token
        self.authority = authority
        parts = urllib.parse.urlsplit(address)
        self.protocol = parts.scheme
        self.host = parts.hostname or "127.0.0.1"
        self.port = parts.port or 8200

    def call(
        self, method: str, path: str, body: object = None, *, token: str | None = None, wrap_ttl: str | None = None
    ) -> dict[str, Any]:
        """Call Vault's API as root, or with another token.

        Raises:
            VaultRefusedError: the answer is no success.
        """
        headers = {"X-Vault-Token": token or self.root_token} | ({"X-Vault-Wrap-TTL": wrap_ttl} if wrap_ttl else {})
        status, text = self._exchange(method, f"/v1/{path}", None if body is None else json.dumps(body), headers)
        if status >= 300:
            raise VaultRefusedError(f"{method} {path}: {status} {text}")
        return json.loads(text) if text else {}

    def answers(self) -> bool:
        """Whether it listens, sealed or not."""
        try:
            self._exchange("GET", "/v1/sys/seal-status", None, {})
        except (OSError, http.client.HTTPException):
            return False
        return True

    def enable_kv(self, mount: str, version: int) -> None:
        """Mount a KV engine, and return when it takes secrets."""
        self.call("POST", f"sys/mounts/{mount}", {"type": "kv", "options": {"version": str(version)}})
        if version == 2:
            wait_until(lambda: self.allows("GET", f"{mount}/config"), f"KV v2 at {mount}")

    def allows(self, method: str, path: str, body: object = None, *, token: str | None = None) -> bool:
        """Whether a call succeeds."""
        try:
            self.call(method, path, body, token=token)
        except VaultRefusedError:
            return False
        return True

    def disable(self, mount: str) -> None:
        """Remove an engine with all its secrets."""
        self.call("DELETE", f"sys/mounts/{mount}")

    def write_policy(self, name: str, rules: str) -> None:
        """Write an ACL policy in HCL."""
        self.call("PUT", f"sys/policies/acl/{name}", {"policy": rules})

    def make_token(self, **options: object) -> str:
        """Make a token; ``options`` as in ``auth/token/create`` (policies, ttl, renewable...)."""
        return str(self.call("POST", "auth/token/create", options)["auth"]["client_token"])

    def _exchange(self, method: str, path: str, body: str | None, headers: dict[str, str]) -> tuple[int, str]:
        if self.protocol == "https":
            context = ssl.create_default_context(cafile=str(self.authority) if self.authority else None)
            connection = http.client.HTTPSConnection(self.host, self.port, timeout=_TIMEOUT_S, context=context)
        else:
            connection = http.client.HTTPConnection(self.host, self.port, timeout=_TIMEOUT_S)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()


def given_server() -> VaultServer | None:
    """Return the server that VAULT_ADDR and VAULT_TOKEN name, ``None`` where they aren't set."""
    address, token = os.environ.get("VAULT_ADDR"), os.environ.get("VAULT_TOKEN")
    if not (address and token):
        return None
    authority = os.environ.get("VAULT_CACERT")
    return VaultServer(address, token, Path(authority) if authority else None)


class DevVault(VaultServer):
    """Vault in dev mode: in memory, unsealed, KV v2 at ``secret``; a context manager.

    Args:
        program: the server program.
        folder: its working folder.
        environment: what else it finds in its environment.
    """

    def __init__(self, program: Path, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        port = free_port()
        super().__init__(f"http://127.0.0.1:{port}", secrets.token_urlsafe(24))
        self._process = ServerProcess(
            [program, "server", "-dev", "-dev-no-store-token", f"-dev-listen-address=127.0.0.1:{port}"],
            folder,
            self._is_unsealed,
            {"VAULT_DEV_ROOT_TOKEN_ID": self.root_token, "BAO_DEV_ROOT_TOKEN_ID": self.root_token}
            | dict(environment or {}),
        )

    def __enter__(self) -> DevVault:
        self._process.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stop()

    def _is_unsealed(self) -> bool:
        return self.answers() and self.allows("GET", "secret/config")


class FileVault(VaultServer):
    """Vault with file storage, which survives a stop; can be sealed; speaks TLS if given certificates.

    A context manager: initialised and unsealed inside.
    """

    def __init__(self, program: Path, folder: Path, tls: Certificates | None = None) -> None:
        port = free_port()
        super().__init__(f"{'https' if tls else 'http'}://127.0.0.1:{port}", "", tls.authority if tls else None)
        self._unseal_key = ""
        config = folder / "vault.json"
        config.write_text(json.dumps(_file_config(folder, port, tls)))
        self._process = ServerProcess([program, "server", f"-config={config}"], folder, self.answers)

    def __enter__(self) -> FileVault:
        self._process.start()
        made = self.call("PUT", "sys/init", {"secret_shares": 1, "secret_threshold": 1})
        self.root_token, self._unseal_key = made["root_token"], made["keys"][0]
        self.unseal()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def seal(self) -> None:
        """Seal it."""
        self.call("PUT", "sys/seal")

    def unseal(self) -> None:
        """Unseal it, and return when it takes requests."""
        self.call("PUT", "sys/unseal", {"key": self._unseal_key})
        wait_until(self._is_active, "Vault to become active")

    def stop(self) -> None:
        """Stop the server; its storage stays."""
        self._process.stop()

    def start(self) -> None:
        """Start it again on the same port, and unseal it."""
        self._process.start()
        self.unseal()

    def _is_active(self) -> bool:
        status, _ = self._exchange("GET", "/v1/sys/health", None, {})
        return status == 200


def _file_config(folder: Path, port: int, tls: Certificates | None) -> dict[str, Any]:
    listener: dict[str, Any] = {"address": f"127.0.0.1:{port}", "tls_disable": tls is None}
    if tls:
        listener |= {"tls_cert_file": str(tls.certificate), "tls_key_file": str(tls.key)}
    return {
        "storage": {"file": {"path": str(folder / "storage")}},
        "listener": {"tcp": listener},
        "disable_mlock": True,
        "api_addr": f"{'https' if tls else 'http'}://127.0.0.1:{port}",
    }
