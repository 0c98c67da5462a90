"""Login with the managed identity of an Azure virtual machine, of which its metadata service (IMDS) gives a token."""

from __future__ import annotations

import os
from typing import Any

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.cloud_options import login_mount
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.outside import Outside, document
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["AzureLogin"]

_DOING = "logging in to Vault by Azure"
_ASKING = "asking Azure's metadata service for the managed identity"
_OPTIONS = "that this is an Azure virtual machine with a managed identity, and option 'azure_resource'"
_IMDS = "http://169.254.169.254"
_TOKEN_API, _INSTANCE_API = "2018-02-01", "2021-02-01"
_HEADERS = {"Metadata": "true"}
# Vault's name -> the metadata service's.
_MACHINE = {
    "subscription_id": "subscriptionId",
    "resource_group_name": "resourceGroupName",
    "vm_name": "name",
    "vmss_name": "vmScaleSetName",
}


class AzureLogin:
    """Logs in anew as often as needed."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Get the identity's token and the machine's place in Azure, and log in with both."""
        adapter = transport.adapter(None, deadline, _DOING)
        service = Outside(_ASKING, _OPTIONS, deadline)
        token = self._token(service)
        machine = _machine(service)
        from hvac.api.auth_methods import Azure

        mount = login_mount(self._config.azure_login_path) or ""
        return logged_in(
            lambda: Azure(adapter).login(
                role=self._config.azure_auth_role, jwt=token.reveal(), use_token=False, mount_point=mount, **machine
            ),
            _DOING,
            mount,
            "check 'azure_auth_role', 'azure_login_path' and 'azure_resource', and that the role admits this machine",
        )

    def _token(self, service: Outside) -> Secret:
        params = {"api-version": _TOKEN_API, "resource": self._config.azure_resource}
        answer = service.ask("GET", f"{_host()}/metadata/identity/oauth2/token", headers=_HEADERS, params=params)
        token = document(answer).get("access_token")
        if not isinstance(token, str) or not token:
            raise service.lacking("access token")
        return Secret(token)


def _machine(service: Outside) -> dict[str, Any]:
    params = {"api-version": _INSTANCE_API, "format": "json"}
    answer = service.ask("GET", f"{_host()}/metadata/instance", headers=_HEADERS, params=params)
    compute = document(answer).get("compute")
    if not isinstance(compute, dict):
        raise service.lacking("description of the machine")
    return {ours: compute[theirs] for ours, theirs in _MACHINE.items() if compute.get(theirs)}


def _host() -> str:
    # The variable by which azure-identity, too, finds the service elsewhere.
    return (os.environ.get("AZURE_POD_IDENTITY_AUTHORITY_HOST") or _IMDS).rstrip("/")
