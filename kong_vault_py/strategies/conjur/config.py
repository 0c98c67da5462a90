"""The options of the conjur vault."""

from __future__ import annotations

import re
from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.http.base_url import is_base_url

__all__ = ["ConjurConfig"]

# A part of a path of its own, and of ids that have colons and commas between them.
_ACCOUNT = re.compile(r"(?!\.\.?$)[^\s/:,?#%]+")


@dataclass(frozen=True)
class ConjurConfig(StrategyConfig):
    """Options of the conjur vault, with Kong's names and defaults; ``ssl_verify`` and ``ca_cert`` are ours."""

    endpoint_url: str = option(
        "", required=True, help="URL of the Conjur server; a path before its API belongs to it (Conjur Cloud: `/api`)."
    )
    auth_method: str = option("api_key", one_of=("api_key",), help="How to log in.")
    account: str = option("", required=True, help="Conjur's organization account.")
    login: str = option("", required=True, help="Who we are: `host/<id>` for a workload, `<id>` for a user.")
    api_key: Secret | None = option(None, required=True, secret=True, help="API key of that host or user.")
    ssl_verify: bool = option(True, kind="boolean", help="Verify the server's certificate (https); on or off.")
    ca_cert: str | None = option(
        None, help="File (PEM) of the certificate authority of the server; unset: the public ones that certifi has."
    )

    def __post_init__(self) -> None:
        """Refuse what can't be a server, an account or a login."""
        if not is_base_url(self.endpoint_url):
            # Not repeated: it may hold a password.
            raise ConfigError("option 'endpoint_url': expected a URL like 'https://conjur.example.com'")
        if not _ACCOUNT.fullmatch(self.account):
            raise ConfigError(f"option 'account': {self.account!r} won't do: expected a name without '/', ':' and ','")
        if {"", ".", ".."} & set(self.login.split("/")):
            raise ConfigError(f"option 'login': {self.login!r} won't do: expected one like 'host/gateway/kong'")

    @property
    def url(self) -> str:
        """The base URL of Conjur's API."""
        return self.endpoint_url.rstrip("/")
