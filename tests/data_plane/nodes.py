"""Nodes for tests: resolvers whose settings name a manager."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from kong_vault_py import Settings, Vault
from kong_vault_py.settings import RuntimeSettings
from tests.manager.running import Api
from tests.servers.polling import wait_until

CANARY = "canary-9f3c1"


def new_token(api: Api, group: str, node: str = "gw-1") -> str:
    """A node's token."""
    made = api.root.post(f"/groups/{group}/node-tokens", json={"node": node})
    assert made.status_code == 201, made.text
    return str(made.json()["token"])


def node_settings(
    folder: Path, url: str, token: str, values: dict[str, str] | None = None, *, name: str = "node", **more: Any
) -> Settings:
    """Settings of a node that reports often."""
    file = folder / f"{name}.token"
    file.touch(mode=0o600)
    file.write_text(token + "\n")
    options = {"report_interval_s": 0.05, "audit_hits_interval_s": 0.05, **more}
    return Settings(values or {}, RuntimeSettings(manager_url=url, node_token_file=str(file), **options))


def put_fs_vault(api: Api, group: str, prefix: str, folder: Path) -> None:
    """A vault entity of strategy fs on a folder."""
    made = api.root.put(f"/groups/{group}/vaults/{prefix}", json={"name": "fs", "config": {"prefix": str(folder)}})
    assert made.status_code == 200, made.text


def connected(vault: Vault) -> Vault:
    """The vault, once it has heard of its manager."""
    wait_until(lambda: bool(vault.status().manager and vault.status().manager.connected), "the manager's first answer")
    return vault


def becomes(vault: Vault, reference: str, expected: object) -> None:
    """Wait until a reference resolves to a text, or fails with an error of a class."""

    def there() -> bool:
        try:
            found: object = vault.get(reference).reveal()
        except Exception as error:
            found = type(error)
        return found == expected

    wait_until(there, f"{reference} becoming {expected}", timeout_s=10)
