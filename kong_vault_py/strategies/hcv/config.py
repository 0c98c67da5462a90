"""The config of the hcv vault: its options, and which of them go together."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.strategies.hcv.cloud_options import CloudOptions, login_mount

__all__ = ["HcvConfig"]

_OAUTH2 = ("jwt_role", "oauth2_token_endpoint", "oauth2_client_id", "oauth2_client_secret")
_REQUIRED: dict[str, tuple[str, ...]] = {
    "token": ("token",),
    "approle": ("approle_role_id",),
    "kubernetes": ("kube_role",),
    "cert": ("cert_auth_cert", "cert_auth_cert_key"),
    "jwt": _OAUTH2,
    "oauth2": _OAUTH2,
    "gcp_iam": ("gcp_auth_role", "gcp_service_account"),
    "gcp_gce": ("gcp_auth_role",),
    "azure": ("azure_auth_role",),
    "aws_iam": ("aws_auth_role", "aws_auth_region"),
    "aws_ec2": ("aws_auth_role", "aws_auth_nonce"),
}
_PATHS = ("mount", "approle_auth_path", "kube_auth_path", "cert_auth_path", "jwt_auth_path")
_LOGIN_PATHS = ("gcp_login_path", "azure_login_path", "aws_login_path")


@dataclass(frozen=True)
class HcvConfig(CloudOptions):
    """Options of the hcv vault."""

    def __post_init__(self) -> None:
        """Refuse paths that climb, and an auth method without exactly the credentials that it needs."""
        for name in _PATHS:
            if _climbs(getattr(self, name)):
                raise ConfigError(f"option '{name}': {getattr(self, name)!r} won't do: expected a path like 'team/kv'")
        for name in _LOGIN_PATHS:
            mount = login_mount(getattr(self, name))
            if mount is None or _climbs(mount):
                raise ConfigError(
                    f"option '{name}': {getattr(self, name)!r} won't do: expected a path like '/v1/auth/team/login'"
                )
        for name in _REQUIRED[self.auth_method]:
            if not getattr(self, name):
                raise ConfigError(f"option '{name}' is required with auth_method '{self.auth_method}'")
        self._check_together()

    def _check_together(self) -> None:
        if self.auth_method == "approle" and bool(self.approle_secret_id) == bool(self.approle_secret_id_file):
            raise ConfigError(
                "auth_method 'approle' takes exactly one of 'approle_secret_id' and 'approle_secret_id_file'"
            )
        if self.auth_method == "cert" and self.protocol != "https":
            raise ConfigError("auth_method 'cert' needs option 'protocol' to be https")
        if bool(self.aws_access_key_id) != bool(self.aws_secret_access_key):
            raise ConfigError("options 'aws_access_key_id' and 'aws_secret_access_key' go together")


def _climbs(path: str) -> bool:
    return bool({"", ".", ".."} & set(path.strip("/").split("/")))
