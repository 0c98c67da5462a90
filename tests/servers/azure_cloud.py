"""The piece of Azure that a key vault's reader meets: logins, metadata service, one vault; on loopback."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.servers.azure_key_vault import AzureKeyVault
from tests.servers.azure_logins import AzureLogins
from tests.servers.certificates import Certificates
from tests.servers.json_server import JsonServer, Reply, Request

TENANT_ID = "11111111-2222-3333-4444-555555555555"
CLIENT_ID = "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee"
CLIENT_SECRET = "canary-client-secret~Q8"
#: By these the SDK finds out where it runs.
MANAGED_IDENTITY_VARIABLES = ("IDENTITY_ENDPOINT", "IDENTITY_HEADER", "IMDS_ENDPOINT", "MSI_ENDPOINT", "MSI_SECRET")


def forget_challenges() -> None:
    """Make the SDK forget, process-wide, what each host and port asked for: ports are used again here."""
    from azure.keyvault.secrets._shared import http_challenge_cache

    http_challenge_cache.clear()


class AzureCloud:
    """A context manager.

    Attributes:
        logins: the principals; application ``CLIENT_ID`` is there with its secret.
        vault: the secrets.
        entra: the server of the login.
        metadata: the server of managed identities.
        server: the vault's server.
        replies: path at the vault -> what it answers in place of the truth.
        logins_by_path: path at the login -> what answers in place of the truth.
    """

    def __init__(self, tls: Certificates) -> None:
        self.authority: Path = tls.authority
        self.tls = tls
        self.replies: dict[str, Reply] = {}
        self.logins_by_path: dict[str, Callable[[Request], Reply]] = {}
        self.server = JsonServer(self._vault, tls)
        # The tail of the vault's name, as vault.azure.net is of my-vault.vault.azure.net: the SDK looks at that.
        resource = f"https://{self.server.host.partition('.')[2]}:{self.server.port}"
        self.logins = AzureLogins(TENANT_ID, resource)
        self.logins.secrets[CLIENT_ID] = CLIENT_SECRET
        self.vault = AzureKeyVault(self.logins)
        self.entra = JsonServer(self._entra, tls)
        self.metadata = JsonServer(self.logins.metadata_service)
        self._stack = contextlib.ExitStack()

    def __enter__(self) -> AzureCloud:
        forget_challenges()
        for server in (self.server, self.entra, self.metadata):
            self._stack.enter_context(server)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def options(self, **others: Any) -> dict[str, Any]:
        """Return the options of a strategy that may log in and read everything, as an operator writes them."""
        return {
            "vault_uri": self.server.url,
            "tenant_id": TENANT_ID,
            "client_id": CLIENT_ID,
            "client_secret": CLIENT_SECRET,
            "authority_host": f"{self.entra.host}:{self.entra.port}",
            "ca_cert": str(self.authority),
        } | others

    def _entra(self, request: Request) -> Reply:
        answer = self.logins_by_path.get(request.path)
        return answer(request) if answer else self.logins.entra(request, self.entra.url)

    def _vault(self, request: Request) -> Reply:
        reply = self.replies.get(request.path)
        return reply or self.vault.answer(request, self.server.url, f"{self.entra.url}/{TENANT_ID}")
