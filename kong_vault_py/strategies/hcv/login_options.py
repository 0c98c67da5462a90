"""The options of the hcv vault for logging in without a cloud."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.options import option
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.server_options import ServerOptions

__all__ = ["LoginOptions"]

_METHODS = (
    *("token", "approle", "kubernetes", "cert", "jwt", "oauth2"),
    *("gcp_iam", "gcp_gce", "azure", "aws_iam", "aws_ec2"),
)
_URL = "^https?://[!-~]+$"
_POD_TOKEN = "/var/run/secrets/kubernetes.io/serviceaccount/token"  # noqa: S105  # where it is, not what it is


@dataclass(frozen=True)
class LoginOptions(ServerOptions):
    """Kong's names and defaults; ``cert_auth_path`` and ``jwt_auth_path`` are ours."""

    auth_method: str = option("token", one_of=_METHODS, help="How to log in; oauth2 is another name of jwt.")
    token: Secret | None = option(None, secret=True, help="Vault token, for auth_method token.")
    approle_auth_path: str = option("approle", help="Path where the AppRole auth method is mounted.")
    approle_role_id: str | None = option(None, help="Role ID, for auth_method approle.")
    approle_secret_id: Secret | None = option(
        None, secret=True, help="Secret ID; or, with approle_response_wrapping, the wrapping token that holds it."
    )
    approle_secret_id_file: str | None = option(
        None, help="File with the secret ID (or wrapping token), read anew at every login; use it or approle_secret_id."
    )
    approle_response_wrapping: bool = option(
        False, kind="boolean", help="The secret ID is response-wrapped: unwrap it, once, before the first login."
    )
    kube_auth_path: str = option("kubernetes", help="Path where the Kubernetes auth method is mounted.")
    kube_role: str | None = option(None, help="Role in Vault, for auth_method kubernetes.")
    kube_api_token_file: str = option(_POD_TOKEN, help="File with the service account's token, read at every login.")
    cert_auth_path: str = option("cert", help="Path where the TLS certificate auth method is mounted.")
    cert_auth_role_name: str | None = option(
        None, help="Role (trusted certificate) in Vault, for auth_method cert; unset: Vault tries all of them."
    )
    cert_auth_cert: str | None = option(
        None, help="Client certificate, its chain after it: PEM text, or a file read at every login."
    )
    cert_auth_cert_key: Secret | None = option(
        None, secret=True, help="The certificate's private key, not encrypted: PEM text, or a file."
    )
    jwt_auth_path: str = option("jwt", help="Path where the JWT auth method is mounted.")
    jwt_role: str | None = option(None, aliases=("oauth2_role_name",), help="Role in Vault, for auth_method jwt.")
    oauth2_token_endpoint: str | None = option(None, match=_URL, help="URL of the identity provider's token endpoint.")
    oauth2_client_id: str | None = option(None, help="Client ID at the identity provider.")
    oauth2_client_secret: Secret | None = option(None, secret=True, help="Client secret at the identity provider.")
    oauth2_audiences: str | None = option(None, help="Audiences to ask a token for, separated by commas.")
