"""The options of the hcv vault for logging in by what a cloud says of us."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kong_vault_py.options import option
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.login_options import LoginOptions

__all__ = ["CloudOptions", "login_mount"]

_URL = "^https?://[!-~]+$"
_REGION = "^[%w-]+$"
_LOGIN_PATH = re.compile(r"/?(?:v1/)?auth/(.+)/login/?")


@dataclass(frozen=True)
class CloudOptions(LoginOptions):
    """Kong's names and defaults; ``azure_resource`` is ours."""

    gcp_auth_role: str | None = option(None, help="Role in Vault, for auth_method gcp_iam or gcp_gce.")
    gcp_login_path: str = option("/v1/auth/gcp/login", help="Login path of the GCP auth method.")
    gcp_service_account: str | None = option(
        None, help="Email of the service account to log in as, for auth_method gcp_iam."
    )
    gcp_jwt_exp: int = option(
        900, kind="integer", between=(0, 900), help="Seconds for which the signed JWT is good (gcp_iam)."
    )
    azure_auth_role: str | None = option(None, help="Role in Vault, for auth_method azure.")
    azure_login_path: str = option("/v1/auth/azure/login", help="Login path of the Azure auth method.")
    azure_resource: str = option(
        "https://management.azure.com/", help="What the managed identity's token is for: 'resource' of Vault's config."
    )
    aws_auth_role: str | None = option(None, help="Role in Vault, for auth_method aws_iam or aws_ec2.")
    aws_login_path: str = option("/v1/auth/aws/login", help="Login path of the AWS auth method.")
    aws_auth_nonce: Secret | None = option(
        None, secret=True, help="Nonce that Vault binds to the instance at its first login (aws_ec2)."
    )
    aws_auth_region: str | None = option(None, match=_REGION, help="Region of STS, for auth_method aws_iam.")
    aws_access_key_id: str | None = option(None, help="Access key; unset: the default credential chain (aws_iam).")
    aws_secret_access_key: Secret | None = option(None, secret=True, help="Secret key, together with the access key.")
    aws_sts_endpoint_url: str | None = option(None, match=_URL, help="URL of STS; unset: the region's.")
    aws_assume_role_arn: str | None = option(None, help="IAM role to assume before logging in (aws_iam).")
    aws_role_session_name: str = option("kong", help="Name of the session of the assumed role.")


def login_mount(path: str) -> str | None:
    """Return the mount in a login path (``/v1/auth/<mount>/login``); ``None`` where it is no such path."""
    found = _LOGIN_PATH.fullmatch(path)
    return found[1].strip("/") if found else None
