"""Reading one secret of an Azure Key Vault through the SDK, within one deadline."""

from __future__ import annotations

import re
import threading
from typing import TYPE_CHECKING, NamedTuple

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    SecretNotFoundError,
    VaultError,
)
from kong_vault_py.strategies.azure_client.answers import not_azures, refused
from kong_vault_py.strategies.azure_client.config import AzureClientConfig
from kong_vault_py.strategies.azure_client.connections import Connections
from kong_vault_py.strategies.azure_client.errand import errand
from kong_vault_py.strategies.azure_client.login import Login
from kong_vault_py.strategies.azure_client.versions import CURRENT, checked_number, version_name
from kong_vault_py.strategies.base import Health
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.session import missing_package

if TYPE_CHECKING:
    from azure.keyvault.secrets import KeyVaultSecret, SecretClient

__all__ = ["AzureClient", "Found"]

_NAME = re.compile(r"[0-9A-Za-z-]{1,127}")
# Read to see whether the vault answers us; nobody needs to make it.
_PROBE = "kong-vault-py-health"


class Found(NamedTuple):
    """What a key vault has under a name.

    Attributes:
        value: the text.
        content_type: what whoever wrote it says that it is, "" where nobody did.
    """

    value: str
    content_type: str


class _Opened(NamedTuple):
    connections: Connections
    secrets: SecretClient


class AzureClient:
    """One key vault; opens on first use, safe for threads and greenlets."""

    def __init__(self, config: AzureClientConfig) -> None:
        self._config = config
        self._lock = threading.Lock()
        self._opened: _Opened | None = None

    def read(self, name: str, version: float | None, *, timeout_s: float) -> Found:
        """Read a secret, logging in first where needed.

        Args:
            name: the secret's name.
            version: counted from the newest, which is 1; ``None`` for the current one.
            timeout_s: seconds for everything together.

        Raises:
            SecretNotFoundError: there is none, or it is disabled, or there can be none of that name.
            VaultError: the key vault could not be asked, or refused.
        """
        deadline = Deadline(timeout_s)
        doing = f"reading {name!r} from Azure Key Vault"
        if not _NAME.fullmatch(name):
            raise SecretNotFoundError(
                f"{doing}: this can't be a secret's name; letters, digits and dashes can, 127 of them at most"
            )
        number = checked_number(version, doing)
        opened = self._current()
        try:
            with errand(deadline, doing):
                return _found(_read(opened.secrets, name, number, doing), doing)
        except AuthenticationError:
            # The SDK would keep a refused token until it expires: let the next read log in anew.
            self._forget(opened)
            raise

    def check(self, *, timeout_s: float) -> Health:
        """Say whether the key vault answers us."""
        return Health.of(lambda: self.read(_PROBE, None, timeout_s=timeout_s), fine=(SecretNotFoundError,))

    def close(self) -> None:
        """Forget the login and close the connections; a later read opens new ones."""
        opened = self._opened
        if opened is not None:
            self._forget(opened)

    def _current(self) -> _Opened:
        with self._lock:
            if self._opened is None:
                self._opened = _open(self._config)
            return self._opened

    def _forget(self, opened: _Opened) -> None:
        with self._lock:
            if self._opened is opened:
                self._opened = None
        opened.connections.close()


def _open(config: AzureClientConfig) -> _Opened:
    try:
        import azure.identity  # noqa: F401  # here, so that the message names the right package
        from azure.core.pipeline.transport import RequestsTransport
        from azure.keyvault.secrets import SecretClient
    except ModuleNotFoundError as error:
        raise missing_package("azure", error) from error
    connections = Connections(config)
    transport = RequestsTransport(session=connections, session_owner=False, use_env_settings=False)
    login = Login(config, transport)
    # Trying again is the rotation's; the SDK would pause without a deadline.
    return _Opened(connections, SecretClient(config.url, login, transport=transport, retry_total=0))


def _read(client: SecretClient, name: str, number: int, doing: str) -> KeyVaultSecret:
    from azure.core.exceptions import AzureError, HttpResponseError

    try:
        # The current version needs no list, nor the permission to list.
        pinned = None if number == CURRENT else version_name(client, name, number, doing)
        return client.get_secret(name, pinned)
    except HttpResponseError as error:
        raise refused(error, doing) from None
    except (AzureError, ValueError, TypeError, KeyError, AttributeError) as error:
        if isinstance(error, VaultError):
            raise
        raise not_azures(doing) from None


def _found(secret: KeyVaultSecret, doing: str) -> Found:
    value = secret.value
    if not (isinstance(value, str) and secret.id):
        raise InvalidResponseError(f"{doing}: the answer holds no value; check option 'vault_uri'")
    try:
        value.encode("utf-8")
    except UnicodeEncodeError:
        raise InvalidResponseError(f"{doing}: the answer is not valid Unicode") from None
    return Found(value, secret.properties.content_type or "")
