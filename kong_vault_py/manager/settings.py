"""The manager's own settings: ``vault_py_manager_<name>`` in the settings file, declared once here."""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import build_config, option, options_of
from kong_vault_py.secret import Secret

__all__ = ["ManagerSettings"]

_PREFIX = "vault_py_manager_"


@dataclass(frozen=True)
class ManagerSettings:
    """Where the manager listens, what it keeps its data in, and which key seals them."""

    listen: str = option("127.0.0.1:8443", help="Address and port to listen on.")
    tls_cert: str | None = option(None, help="File (PEM) of the server's certificate and its chain.")
    tls_key: str | None = option(None, help="File (PEM) of the certificate's private key.")
    plain_http: bool = option(
        False, kind="boolean", help="A proxy speaks TLS: allows plain HTTP on other addresses than the loopback's."
    )
    trusted_proxies: str = option(
        "127.0.0.1",
        help="Addresses, with commas, of proxies whose `X-Forwarded-For` says who is asking.",
    )
    folder: str = option("/var/lib/kong-vault", help="Folder of the SQLite database and the bootstrap token.")
    database: Secret | None = option(
        None,
        secret=True,
        help="Database URL (`postgresql://...`, `sqlite:///...`), `file:<path>` with it, or a reference; "
        "unset: `manager.db` in the folder.",
    )
    master_key: str | None = option(
        None,
        help="Where the master key is: `file:<path>`, `env:<variable>` or a reference. "
        "Make one with `kong-vault store new-key`.",
    )
    migrate: bool = option(True, kind="boolean", help="Bring the database's tables up to date at the start.")
    pool_size: int = option(10, kind="integer", between=(1, 1000), help="Connections to PostgreSQL kept open, at most.")
    session_s: int = option(
        8 * 3600, kind="integer", between=(60, 30 * 86400), help="Seconds after which a login ends; 1/8 of it if idle."
    )
    login_attempts: int = option(
        10, kind="integer", between=(1, 1000), help="Failed logins per user name, and per address, in login_window_s."
    )
    login_window_s: int = option(
        300, kind="integer", between=(1, 86400), help="Seconds in which failed logins are counted."
    )
    syslog: str | None = option(
        None,
        help="Where each audit entry is sent on to, as syslog (RFC 5424): `udp://host:port`, `tcp://host:port` or "
        "`unix:/dev/log`.",
    )
    docs: bool = option(
        False, kind="boolean", help="Serve a browsable API reference at /docs (loads scripts from a CDN)."
    )

    @classmethod
    def load(cls, values: Mapping[str, str], where: str) -> ManagerSettings:
        """Take the manager's settings from all settings.

        Args:
            values: kong.conf key -> text.
            where: what they come from, for messages.

        Raises:
            ConfigError: one of them won't do.
        """
        known = {f"{_PREFIX}{setting.name}": setting.name for setting in options_of(cls)}
        return build_config(cls, {known[key]: value for key, value in values.items() if key in known}, where=where)

    def __post_init__(self) -> None:
        """Refuse an address that isn't one, half a certificate, and secrets in plain text over a network."""
        host, _ = self.address
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ConfigError("options 'tls_cert' and 'tls_key' go together")
        if not (self.tls or self.plain_http or _is_loopback(host)):
            raise ConfigError(
                f"option 'listen': plain HTTP on {host} would show credentials to the network; set tls_cert and "
                "tls_key, or plain_http = on behind a proxy that speaks TLS"
            )

    @property
    def tls(self) -> bool:
        """Whether the manager itself speaks TLS."""
        return self.tls_cert is not None

    @property
    def https(self) -> bool:
        """Whether browsers reach the manager by TLS: its own, or that of a proxy."""
        return self.tls or self.plain_http

    @property
    def address(self) -> tuple[str, int]:
        """Host and port to listen on."""
        host, colon, port = self.listen.rpartition(":")
        host = host.removeprefix("[").removesuffix("]")
        if not (colon and host and port.isascii() and port.isdigit() and int(port) < 65536):
            raise ConfigError(f"option 'listen': {self.listen!r} won't do: expected one like '127.0.0.1:8443'")
        return host, int(port)

    @property
    def bootstrap_file(self) -> Path:
        """Where the one-time token for the first administrator is written."""
        return Path(self.folder) / "bootstrap-token"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
