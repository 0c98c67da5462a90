"""Login with Kubernetes: the token of the pod's service account, which Vault shows to the cluster for review."""

from __future__ import annotations

from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.credential_file import read_credential
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["KubernetesLogin"]

_DOING = "logging in to Vault by Kubernetes"


class KubernetesLogin:
    """Logs in anew as often as needed; the cluster replaces the token in the file about once an hour."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Log in with the service account's token as it is now."""
        token = read_credential(self._config.kube_api_token_file, "kube_api_token_file", "service account token")
        adapter = transport.adapter(None, deadline, _DOING)
        from hvac.api.auth_methods import Kubernetes

        mount = self._config.kube_auth_path.strip("/")
        return logged_in(
            lambda: Kubernetes(adapter).login(
                role=self._config.kube_role, jwt=token.reveal(), use_token=False, mount_point=mount
            ),
            _DOING,
            mount,
            "check 'kube_role' and 'kube_auth_path', and that the role admits this service account and namespace",
        )
