"""Login with the identity of a Google Compute Engine instance, of which its metadata server gives a signed token."""

from __future__ import annotations

import os

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.cloud_options import login_mount
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.outside import Outside
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["GcpGceLogin"]

_DOING = "logging in to Vault by GCE instance"
_ASKING = "asking the GCE metadata server for an identity token"
_OPTIONS = "that this is a Google Compute Engine instance with a service account"
_IDENTITY = "/computeMetadata/v1/instance/service-accounts/default/identity"
_FLAVOR = {"Metadata-Flavor": "Google"}


class GcpGceLogin:
    """Logs in anew as often as needed."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Get an identity token for the role and log in with it."""
        adapter = transport.adapter(None, deadline, _DOING)
        token = _identity_token(f"http://vault/{self._config.gcp_auth_role}", deadline)
        from hvac.api.auth_methods import Gcp

        mount = login_mount(self._config.gcp_login_path) or ""
        return logged_in(
            lambda: Gcp(adapter).login(
                role=self._config.gcp_auth_role, jwt=token.reveal(), use_token=False, mount_point=mount
            ),
            _DOING,
            mount,
            "check 'gcp_auth_role' and 'gcp_login_path', and that the role admits this instance",
        )


def _identity_token(audience: str, deadline: Deadline) -> Secret:
    server = Outside(_ASKING, _OPTIONS, deadline)
    # Google's own variable, as in all its client libraries.
    host = os.environ.get("GCE_METADATA_HOST") or "metadata.google.internal"
    answer = server.ask(
        "GET", f"http://{host}{_IDENTITY}", headers=_FLAVOR, params={"audience": audience, "format": "full"}
    )
    token = answer.body.decode("ascii", "replace").strip()
    if answer.headers.get("Metadata-Flavor") != "Google" or token.count(".") != 2:
        raise server.lacking("identity token of Google's")
    return Secret(token)
