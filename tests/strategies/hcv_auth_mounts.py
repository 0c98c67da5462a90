"""An auth method mounted in a real Vault for one test, whose logins may read one KV mount."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from kong_vault_py.strategies.hcv import HcvStrategy
from tests.servers.vault_server import VaultServer
from tests.strategies.hcv_backends import HcvBackend, unique

TIMEOUT_S = 10.0
SECRET = '{"value":"pw"}'


class AuthMount:
    """One auth mount, and the secret ``redis`` that its logins may read.

    Args:
        server: the Vault.
        kind: type of the auth method.
    """

    def __init__(self, server: VaultServer, kind: str) -> None:
        self.server = server
        self.backend = HcvBackend(server, kv=2)
        self.backend.put("redis", "pw")
        self.path = unique(f"team/{kind}")
        server.call("POST", f"sys/auth/{self.path}", {"type": kind})

    def write(self, path: str, **options: Any) -> None:
        """Write below the mount."""
        self.server.call("POST", f"auth/{self.path}/{path}", options)

    def write_role(self, path: str, **options: Any) -> None:
        """Write a role whose tokens may read the secret."""
        self.write(path, token_policies=[self.backend.policy], **{"token_ttl": "1h"} | options)

    def revoke_tokens(self) -> None:
        """Revoke every token that a login here gave."""
        self.server.call("PUT", f"sys/leases/revoke-prefix/auth/{self.path}/login")

    def strategy(self, **options: object) -> HcvStrategy:
        """Make a strategy for the secret; ``options`` say how to log in."""
        return self.backend.strategy(**{"token": None} | options)

    def remove(self) -> None:
        """Take everything out of Vault again."""
        self.server.call("DELETE", f"sys/auth/{self.path}")
        self.backend.remove_all()


@contextmanager
def auth_mount(server: VaultServer, kind: str) -> Iterator[AuthMount]:
    """Mount an auth method as long as it is needed."""
    mount = AuthMount(server, kind)
    yield mount
    mount.remove()


def read(strategy: HcvStrategy) -> str | bytes:
    """Read the secret."""
    return strategy.fetch("redis", None, timeout_s=TIMEOUT_S).value
