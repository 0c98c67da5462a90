"""The options of the hcv vault that say where the server is and which engine to read."""

from __future__ import annotations

from dataclasses import dataclass

from kong_vault_py.options import StrategyConfig, option

__all__ = ["PRINTABLE", "ServerOptions"]

# No white space, and nothing that would end the host part of a URL.
_HOST = r"^[^%s/?#@\]+$"
PRINTABLE = "^[!-~]+$"


@dataclass(frozen=True)
class ServerOptions(StrategyConfig):
    """Kong's names and defaults; ``ca_cert`` is ours."""

    protocol: str = option("http", one_of=("http", "https"), help="How to talk to the Vault server.")
    host: str = option("127.0.0.1", match=_HOST, help="Host name or address of the Vault server.")
    port: int = option(8200, kind="integer", between=(0, 65535), help="Port of the Vault server.")
    namespace: str | None = option(None, match=PRINTABLE, help="Namespace (Vault Enterprise, OpenBao).")
    mount: str = option("secret", help="Path where the KV secrets engine is mounted; may hold slashes.")
    kv: str = option("v1", one_of=("v1", "v2"), override=True, help="Version of the KV secrets engine at the mount.")
    ssl_verify: bool = option(True, kind="boolean", help="Verify the server's certificate (https); on or off.")
    ca_cert: str | None = option(
        None, help="File (PEM) of the certificate authority of the server; unset: the public ones that certifi has."
    )

    @property
    def url(self) -> str:
        """The server's base URL."""
        host = f"[{self.host}]" if ":" in self.host and not self.host.startswith("[") else self.host
        return f"{self.protocol}://{host}:{self.port}"
