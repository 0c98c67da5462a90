"""Which proxy stands between us and an identity provider. Nothing is taken from the environment."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.upstream_oauth.token_request import text
from kong_vault_py.secret import Secret

__all__ = ["Proxy", "proxy_for"]


class Proxy(NamedTuple):
    """A proxy.

    Attributes:
        url: where it is.
        authorization: its Proxy-Authorization header, ``None`` for none.
    """

    url: str
    authorization: Secret | None

    @property
    def headers(self) -> dict[str, str]:
        """What to send it."""
        return {"Proxy-Authorization": self.authorization.reveal()} if self.authorization else {}


def proxy_for(url: str, client: Mapping[str, Any]) -> Proxy | None:
    """Return the proxy for an address, ``None`` to connect directly.

    Args:
        url: the address.
        client: the config's section of that name, resolved.

    Raises:
        ConfigError: the proxy's address is none.
    """
    parts = urlsplit(url)
    scheme = parts.scheme
    named = text(client[f"{scheme}_proxy"] or "").strip()
    if not named or _is_exempt(parts.hostname or "", text(client["no_proxy"] or "")):
        return None
    address = urlsplit(named)
    if address.scheme not in ("http", "https") or not address.hostname:
        raise ConfigError(f"client.{scheme}_proxy is no http:// or https:// address")
    authorization = client[f"{scheme}_proxy_authorization"]
    return Proxy(named, Secret(text(authorization).strip()) if authorization else None)


def _is_exempt(host: str, no_proxy: str) -> bool:
    names = [name.strip().lower().lstrip(".") for name in no_proxy.split(",")]
    return any(name == "*" or host == name or host.endswith(f".{name}") for name in names if name)
