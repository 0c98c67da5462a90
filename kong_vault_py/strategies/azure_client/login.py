"""Who we are to Azure: an application with a client secret, else the managed identity of where this runs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.azure_client.answers import login_failed
from kong_vault_py.strategies.azure_client.config import AzureClientConfig
from kong_vault_py.strategies.azure_client.errand import current_errand, errand
from kong_vault_py.strategies.http.login_turns import LoginTurns

if TYPE_CHECKING:
    from azure.core.credentials import AccessToken, TokenCredential

__all__ = ["Login"]

_AS_APPLICATION = "logging in to Azure by client secret"
_AS_IDENTITY = "logging in to Azure by managed identity (there is no client secret)"


class Login:
    """The SDK's credential; one login at a time, whose failure is shared by all who waited for it.

    Args:
        config: the options.
        transport: the SDK's transport, on our connections.

    Raises:
        ConfigError: a client secret is there, but not the application that it is of.
    """

    def __init__(self, config: AzureClientConfig, transport: Any) -> None:
        # Kept, so that what masks live secrets knows it however it came here.
        self._secret = config.client_secret or Secret(os.environ.get(config.secret_variable, "").strip())
        self._doing = _AS_APPLICATION if self._secret else _AS_IDENTITY
        self._credential = _credential(config, self._secret, transport)
        self._turns = LoginTurns()

    def get_token(self, *scopes: str, **options: Any) -> AccessToken:
        """Return a token, a cached one while it is good; the SDK's client calls this.

        Raises:
            VaultError: there is none.
        """
        deadline, _ = current_errand()
        with errand(deadline, self._doing), self._turns.turn(deadline, self._doing), self._turns.attempt():
            try:
                return self._credential.get_token(*scopes, **options)
            except Exception as error:  # the SDK and MSAL have no common root
                raise login_failed(error, self._doing) from None


def _credential(config: AzureClientConfig, secret: Secret, transport: Any) -> TokenCredential:
    from azure.identity import ClientSecretCredential, ManagedIdentityCredential

    if not secret:
        try:
            # The SDK's defaults would try the metadata service again and again, with pauses that know no deadline.
            return ManagedIdentityCredential(
                client_id=config.client_id, transport=transport, retry_total=0, retry_status=0
            )
        except ValueError as error:
            raise ConfigError(f"{_AS_IDENTITY}: {error}") from error
    if not (config.tenant_id and config.client_id):
        raise ConfigError(
            f"environment variable '{config.secret_variable}' is set, so options 'tenant_id' and 'client_id' are "
            "required; for a managed identity unset it"
        )
    return ClientSecretCredential(
        config.tenant_id,
        config.client_id,
        secret.reveal(),
        authority=f"https://{config.authority_host}",
        # The authority is the operator's own word: nothing to ask Microsoft's public cloud about.
        disable_instance_discovery=True,
        transport=transport,
        retry_total=0,
    )
