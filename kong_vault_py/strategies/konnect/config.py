"""The options of the konnect vault: a store file with its master key, or the manager with a node token."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.http.base_url import is_base_url
from kong_vault_py.strategies.http.endpoint import Endpoint

__all__ = ["KonnectConfig"]


@dataclass(frozen=True)
class KonnectConfig(StrategyConfig):
    """Options of the konnect vault; ``config_store_id`` is Kong's, the others are ours."""

    config_store_id: str | None = option(
        None,
        match="^[%w_.-]+$",
        help="Id of the Config Store. Required with `manager_url`; a store file of another id is refused.",
    )
    store_file: str | None = option(None, help="Store file that `kong-vault store` writes: the embedded mode.")
    master_key: Secret | None = option(
        None,
        secret=True,
        help="Where the store file's master keys are: `file:<path>`, `env:<variable>` or a reference to another vault.",
    )
    manager_url: str | None = option(None, help="URL of the manager (`kong-vault manager`) that has the Config Store.")
    node_token: Secret | None = option(
        None, secret=True, help="This node's token at the manager; required with `manager_url`."
    )
    ssl_verify: bool = option(True, kind="boolean", help="Verify the manager's certificate (https); on or off.")
    ca_cert: str | None = option(
        None, help="File (PEM) of the certificate authority of the manager; unset: the public ones that certifi has."
    )

    def __post_init__(self) -> None:
        """Refuse a mode that is not complete, and two at once.

        None at all is a config too: Kong's own entities have ``config_store_id`` alone, and have to be storable.
        """
        if self.store_file and self.manager_url:
            raise ConfigError("options 'store_file' and 'manager_url' don't go together")
        if self.store_file:
            self._require("master_key", with_="store_file")
        elif self.manager_url:
            self._check_manager(self.manager_url)

    def _check_manager(self, url: str) -> None:
        self._require("node_token", with_="manager_url")
        self._require("config_store_id", with_="manager_url")
        if not is_base_url(url):
            # Not repeated: it may hold a password.
            raise ConfigError("option 'manager_url': expected a URL like 'https://kong-vault.internal:8443'")
        token = self.node_token.reveal() if self.node_token else ""
        if not (token.isascii() and token.isprintable()) or " " in token:
            raise ConfigError("option 'node_token': no node token looks like that")

    @property
    def endpoint(self) -> Endpoint:
        """The manager."""
        url = (self.manager_url or "").rstrip("/")
        return Endpoint("konnect", url, "option 'manager_url'", self.ssl_verify, self.ca_cert)

    def _require(self, name: str, *, with_: str) -> None:
        if not getattr(self, name):
            raise ConfigError(f"option '{name}' is required with '{with_}'")
