"""Where the demo's password lives: in a real Vault, or in files where no Vault can be had."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Protocol

from tests.servers.vault_server import VaultServer


class SecretStore(Protocol):
    """The vault of the story."""

    reference: str

    def put(self, password: str) -> None:
        """Store the password, over the old one."""

    def settings(self) -> str:
        """Return the plugin server's settings."""

    def calls(self) -> str:
        """Say how often the password was asked for."""


class VaultSecrets:
    """A real Vault: KV v2, an AppRole that may read the one secret, and an audit log to count by."""

    reference = "{vault://hcv/redis/demo/password}"

    def __init__(self, vault: VaultServer, folder: Path) -> None:
        self._vault = vault
        self._audit = folder / "vault-audit.log"
        self._secret_id = folder / "approle-secret-id"
        vault.call("PUT", "sys/audit/file", {"type": "file", "options": {"file_path": str(self._audit)}})
        vault.write_policy("kong", 'path "secret/data/redis/demo" { capabilities = ["read"] }')
        vault.call("POST", "sys/auth/approle", {"type": "approle"})
        vault.call("POST", "auth/approle/role/kong", {"token_policies": "kong", "token_ttl": "10m"})
        self._role_id = vault.call("GET", "auth/approle/role/kong/role-id")["data"]["role_id"]
        secret_id = vault.call("POST", "auth/approle/role/kong/secret-id")["data"]["secret_id"]
        self._secret_id.touch(mode=0o600)
        self._secret_id.write_text(secret_id)

    def put(self, password: str) -> None:
        """Write a new version of the secret."""
        self._vault.call("POST", "secret/data/redis/demo", {"data": {"password": password}})

    def settings(self) -> str:
        """Return the settings: where the Vault is, and who we are to it."""
        return "\n".join(
            [
                f"vault_hcv_protocol = {self._vault.protocol}",
                f"vault_hcv_host = {self._vault.host}",
                f"vault_hcv_port = {self._vault.port}",
                "vault_hcv_kv = v2",
                "vault_hcv_auth_method = approle",
                f"vault_hcv_approle_role_id = {self._role_id}",
                f"vault_hcv_approle_secret_id_file = {self._secret_id}",
                "vault_hcv_ttl = 300",
                "",
            ]
        )

    def calls(self) -> str:
        """Count by Vault's own audit log."""
        requests = [json.loads(line) for line in self._audit.read_text().splitlines()]
        paths = [
            (entry["request"]["operation"], entry["request"]["path"])
            for entry in requests
            if entry["type"] == "request"
        ]
        reads = paths.count(("read", "secret/data/redis/demo"))
        logins = paths.count(("update", "auth/approle/login"))
        return f"Vault's audit log: {reads} reads of the password, {logins} login, for all of these requests"


class FileSecrets:
    """Files below one folder, as Docker and Kubernetes mount secrets."""

    reference = "{vault://fs/redis-password}"

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "secrets"
        self._folder.mkdir(mode=0o700)

    def put(self, password: str) -> None:
        """Put a new file in the old one's place."""
        new = self._folder / ".redis-password"
        new.touch(mode=0o600)
        new.write_text(password)
        new.replace(self._folder / "redis-password")

    def settings(self) -> str:
        """Return the settings: which folder."""
        return f"vault_fs_prefix = {self._folder}\nvault_fs_ttl = 300\n"

    def calls(self) -> str:
        """Files keep no count."""
        return "the password was read from a file: at the start, and when a login failed"
