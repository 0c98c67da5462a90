"""The options of the hcv vault."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.secret import Secret

__all__ = ["HcvConfig"]

# No white space, and nothing that would end the host part of a URL.
_HOST = r"^[^%s/?#@\]+$"
_PRINTABLE = "^[!-~]+$"


@dataclass(frozen=True)
class HcvConfig(StrategyConfig):
    """Options of the hcv vault, with Kong's names and defaults; ``ca_cert`` is ours."""

    protocol: str = option("http", one_of=("http", "https"), help="How to talk to the Vault server.")
    host: str = option("127.0.0.1", match=_HOST, help="Host name or address of the Vault server.")
    port: int = option(8200, kind="integer", between=(0, 65535), help="Port of the Vault server.")
    namespace: str | None = option(None, match=_PRINTABLE, help="Namespace (Vault Enterprise, OpenBao).")
    mount: str = option("secret", help="Path where the KV secrets engine is mounted; may hold slashes.")
    kv: str = option("v1", one_of=("v1", "v2"), override=True, help="Version of the KV secrets engine at the mount.")
    ssl_verify: bool = option(True, kind="boolean", help="Verify the server's certificate (https); on or off.")
    ca_cert: str | None = option(
        None, help="File (PEM) of the certificate authority of the server; unset: the public ones that certifi has."
    )
    auth_method: str = option("token", one_of=("token", "approle"), help="How to log in.")
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

    def __post_init__(self) -> None:
        """Refuse paths that climb, and an auth method without exactly the credentials that it needs."""
        for name in ("mount", "approle_auth_path"):
            if {"", ".", ".."} & set(getattr(self, name).strip("/").split("/")):
                raise ConfigError(f"option '{name}': {getattr(self, name)!r} won't do: expected a path like 'team/kv'")
        if self.auth_method == "token" and not self.token:
            raise ConfigError("option 'token' is required with auth_method 'token'")
        if self.auth_method == "approle":
            self._check_approle()

    def _check_approle(self) -> None:
        if not self.approle_role_id:
            raise ConfigError("option 'approle_role_id' is required with auth_method 'approle'")
        if bool(self.approle_secret_id) == bool(self.approle_secret_id_file):
            raise ConfigError(
                "auth_method 'approle' takes exactly one of 'approle_secret_id' and 'approle_secret_id_file'"
            )

    @property
    def url(self) -> str:
        """The server's base URL."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return f"{self.protocol}://{host}:{self.port}"
