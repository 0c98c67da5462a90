"""An Azure virtual machine with a managed identity: its metadata service, and Vault's side of the azure login."""

from __future__ import annotations

import time
from typing import Any

from tests.strategies.fake_http import Answered, Asked, FakeHttp
from tests.strategies.fake_vault import Reply, Request
from tests.strategies.tokens_rs256 import SigningKey

RESOURCE = "https://management.azure.com/"
SUBSCRIPTION, GROUP, MACHINE = "11111111-2222-3333-4444-555555555555", "gateways", "gateway-1"
_TOKEN, _INSTANCE = "GET /metadata/identity/oauth2/token", "GET /metadata/instance"


class FakeAzure(FakeHttp):
    """The metadata service (IMDS); a context manager.

    Attributes:
        scale_set: name of the scale set that the machine belongs to; empty for none.
        vault_token: what Vault gives for a login that is right.
    """

    def __init__(self) -> None:
        super().__init__({_TOKEN: self._token, _INSTANCE: self._instance})
        self.scale_set = ""
        self.vault_token = "hvs.of-azure"
        self._key = SigningKey("entra-1")

    def _token(self, asked: Asked) -> Answered:
        refused = _refused(asked, {"api-version", "resource"})
        if refused:
            return refused
        [resource] = asked.query["resource"]
        if not resource.startswith("https://"):
            return _error(
                400, "invalid_resource", f"AADSTS500011: The resource principal named {resource} was not found"
            )
        claims = {"aud": resource, "iss": "https://sts.windows.net/tenant/", "exp": int(time.time()) + 3600}
        machine = f"/providers/Microsoft.Compute/virtualMachines/{MACHINE}"
        claims["xms_mirid"] = f"/subscriptions/{SUBSCRIPTION}/resourcegroups/{GROUP}{machine}"
        return Answered({"access_token": self._key.sign(claims), "token_type": "Bearer", "resource": resource})

    def _instance(self, asked: Asked) -> Answered:
        compute = {"subscriptionId": SUBSCRIPTION, "resourceGroupName": GROUP, "name": MACHINE}
        return _refused(asked, {"api-version", "format"}) or Answered(
            {"compute": compute | {"vmScaleSetName": self.scale_set}, "network": {}}
        )

    def vault_login(self, request: Request) -> Reply:
        """Answer as Vault's azure auth method with ``resource`` at its default, and the role ``kong``."""
        body: dict[str, Any] = request.body
        known = {"role", "jwt", "subscription_id", "resource_group_name", "vm_name", "vmss_name"}
        claims = self._key.claims(body.get("jwt", ""))
        if request.method != "POST" or set(body) - known or claims is None or claims["aud"] != RESOURCE:
            return Reply({"errors": ["oidc: expected audience"]}, 400)
        place = f"/subscriptions/{body['subscription_id']}/resourcegroups/{body['resource_group_name']}/"
        if body["role"] != "kong" or not claims["xms_mirid"].startswith(place):
            return Reply({"errors": ["token object id does not match"]}, 400)
        if body["vm_name"] != MACHINE or body.get("vmss_name", "") != self.scale_set:
            return Reply({"errors": ["vm name does not match"]}, 400)
        return Reply({"auth": {"client_token": self.vault_token, "lease_duration": 3600, "renewable": True}})


def _refused(asked: Asked, wanted: set[str]) -> Answered | None:
    if asked.headers.get("metadata") != "true" or "x-forwarded-for" in asked.headers:
        return _error(400, "invalid_request", "Required metadata header not specified")
    if set(asked.query) != wanted:
        return _error(400, "invalid_request", f"exactly {sorted(wanted)} are taken")
    return None


def _error(status: int, error: str, description: str) -> Answered:
    return Answered({"error": error, "error_description": description}, status)
