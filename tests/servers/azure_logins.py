"""Where Azure hands out tokens: Microsoft Entra's token endpoint, and the metadata service's for managed identities.

Written after Microsoft's public description of both (OAuth 2.0 client credentials; IMDS ``identity/oauth2/token``).
It refuses whatever they refuse, with their codes.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable
from typing import NamedTuple

from tests.servers.json_server import Reply, Request

_LIFE_S = 3600
_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Token(NamedTuple):
    """A token that was handed out."""

    principal: str
    audience: str
    expires_at_s: float


class AzureLogins:
    """The principals of one tenant, and the tokens that they were given.

    Args:
        tenant_id: the directory.
        resource: whom tokens are for: the key vaults' resource, without a slash at the end.
        clock: returns seconds.

    Attributes:
        secrets: application -> its client secret.
        assertions: application -> the federated token that stands for it.
        identities: the managed identities of "this machine"; "" is the system-assigned one.
        tokens: what was handed out.
    """

    def __init__(self, tenant_id: str, resource: str, clock: Callable[[], float] = time.time) -> None:
        self.tenant_id = tenant_id
        self.resource = resource
        self.clock = clock
        self.secrets: dict[str, str] = {}
        self.assertions: dict[str, str] = {}
        self.identities: set[str] = set()
        self.tokens: dict[str, Token] = {}

    def revoke_all(self) -> None:
        """Make every token worthless."""
        self.tokens.clear()

    def entra(self, request: Request, url: str) -> Reply:
        """Answer as login.microsoftonline.com; ``url`` is its base URL."""
        tenant, _, path = request.path.strip("/").partition("/")
        if tenant != self.tenant_id:
            return _refusal(400, "invalid_tenant", f"AADSTS90002: Tenant '{tenant}' not found.")
        if (request.method, path) == ("GET", "v2.0/.well-known/openid-configuration"):
            base = f"{url}/{tenant}"
            return Reply(
                {
                    "issuer": f"{base}/v2.0",
                    "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                    "token_endpoint": f"{base}/oauth2/v2.0/token",
                }
            )
        if (request.method, path) == ("POST", "oauth2/v2.0/token"):
            return self._client_credentials(request.form)
        return _refusal(404, "not_found", "AADSTS900561: no such endpoint.")

    def metadata_service(self, request: Request) -> Reply:
        """Answer as the metadata service of a virtual machine."""
        if (request.method, request.path) != ("GET", "/metadata/identity/oauth2/token"):
            return _refusal(404, "not_found", "no such endpoint")
        if request.headers.get("metadata") != "true" or "api-version" not in request.query:
            return _refusal(400, "bad_request_102", "Required metadata header or api-version not specified")
        identity = request.query.get("client_id", "")
        if identity not in self.identities:
            return _refusal(400, "invalid_request", "Identity not found")
        if request.query.get("resource") != self.resource:
            return _refusal(400, "invalid_resource", f"AADSTS500011: no resource {request.query.get('resource')}")
        token = self._issue(identity or "system-assigned")
        return Reply(
            {"access_token": token, "expires_in": str(_LIFE_S), "resource": self.resource, "token_type": "Bearer"}
        )

    def _client_credentials(self, form: dict[str, str]) -> Reply:
        client = form.get("client_id", "")
        if form.get("grant_type") != "client_credentials":
            return _refusal(400, "unsupported_grant_type", "AADSTS70003: The grant type is not supported.")
        if client not in self.secrets and client not in self.assertions:
            return _refusal(400, "unauthorized_client", f"AADSTS700016: Application '{client}' was not found.")
        if not self._proves(client, form):
            return _refusal(
                401, "invalid_client", "AADSTS7000215: Invalid client secret provided. Trace ID: 1 Correlation ID: 2"
            )
        if form.get("scope") != f"{self.resource}/.default":
            return _refusal(400, "invalid_scope", f"AADSTS70011: The scope '{form.get('scope')}' is not valid.")
        return Reply(
            {
                "token_type": "Bearer",
                "expires_in": _LIFE_S,
                "ext_expires_in": _LIFE_S,
                "access_token": self._issue(client),
            }
        )

    def _proves(self, client: str, form: dict[str, str]) -> bool:
        if "client_assertion" in form:
            expected = self.assertions.get(client)
            return form.get("client_assertion_type") == _ASSERTION_TYPE and form["client_assertion"] == expected
        return form.get("client_secret") == self.secrets.get(client)

    def _issue(self, principal: str) -> str:
        token = f"token-{secrets.token_hex(16)}"
        self.tokens[token] = Token(principal, self.resource, self.clock() + _LIFE_S)
        return token


def _refusal(status: int, error: str, description: str) -> Reply:
    return Reply({"error": error, "error_description": description, "error_codes": [status]}, status)
