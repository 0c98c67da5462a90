"""The options that say which Azure Key Vault to read, and as whom."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.secret import Secret

__all__ = ["AzureClientConfig"]

# Lua patterns, as in a Kong schema. No white space, and nothing that would end the host part of a URL.
_HTTPS = r"^https://[^%s/?#@\]+/?$"
_HOST = r"^[^%s/?#@\]+$"


@dataclass(frozen=True)
class AzureClientConfig(StrategyConfig):
    """Options of both vaults, with Kong's names; ``client_secret``, ``authority_host`` and ``ca_cert`` are ours."""

    vault_uri: str = option(
        "", required=True, match=_HTTPS, help="URI of the key vault, like `https://my-vault.vault.azure.net`."
    )
    tenant_id: str | None = option(
        None, match="^[%w.-]+$", help="Microsoft Entra tenant (directory) of the application; needs a client secret."
    )
    client_id: str | None = option(
        None,
        match="^[%w-]+$",
        help="Application (client) ID; without a client secret that of a user-assigned managed identity.",
    )
    client_secret: Secret | None = option(
        None, secret=True, help="Client secret of the application; unset: the environment variable below."
    )
    credentials_prefix: str = option(
        "AZURE",
        match="^[%a_][%w_]*$",
        help="The client secret's environment variable is `{credentials_prefix}_CLIENT_SECRET`.",
    )
    location: str | None = option(
        None, help="Azure region of the vault; taken for Kong's sake, as the vault's URI says it all."
    )
    authority_host: str = option(
        "login.microsoftonline.com", match=_HOST, help="Host that hands out tokens; sovereign clouds have their own."
    )
    ca_cert: str | None = option(
        None,
        help="File (PEM) of the certificate authorities of vault and login, in place of the public ones; "
        "for private clouds, and for proxies that look into TLS.",
    )

    def __post_init__(self) -> None:
        """Refuse a client secret without the application that it is of."""
        if self.client_secret and not (self.tenant_id and self.client_id):
            raise ConfigError("option 'client_secret' needs options 'tenant_id' and 'client_id'")

    @property
    def url(self) -> str:
        """The vault's base URL."""
        return self.vault_uri.rstrip("/")

    @property
    def secret_variable(self) -> str:
        """The environment variable with the client secret."""
        return f"{self.credentials_prefix}_CLIENT_SECRET"
