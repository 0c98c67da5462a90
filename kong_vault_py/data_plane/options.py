"""The settings of a node, checked: which manager, who we are to it, and where its last words are kept."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from kong_vault_py.errors import ConfigError
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.strategies.http.base_url import is_base_url

__all__ = ["NodeOptions"]


@dataclass(frozen=True)
class NodeOptions:
    """What a node needs to know of its manager.

    Attributes:
        url: the manager's, without a slash at its end.
        ca_cert: file of its certificate authority; ``None`` for the system's.
        name: this node's.
        state_file: where the last configuration is kept; ``None`` for nowhere.
        state_key: the master key's source; set with ``state_file``.
        report_interval_s: seconds between reports.
        hits_interval_s: seconds for which cache hits are counted together; 0 for never told.
        audit_buffer: audit entries kept while the manager is away.
    """

    url: str
    ca_cert: str | None
    name: str
    state_file: Path | None
    state_key: str | None
    report_interval_s: float
    hits_interval_s: float
    audit_buffer: int

    @classmethod
    def of(cls, runtime: RuntimeSettings) -> NodeOptions:
        """Take them from the settings.

        Raises:
            ConfigError: one is wrong, or they don't go together.
        """
        url = (runtime.manager_url or "").rstrip("/")
        if not is_base_url(url):
            # Not repeated: it may hold a password.
            raise ConfigError("vault_py_manager_url: expected a URL like 'https://kong-vault.internal:8443'")
        if not (url.startswith("https:") or runtime.manager_plain_http or _is_loopback(url)):
            raise ConfigError(
                "vault_py_manager_url: plain HTTP would show credentials to the network; use https, or "
                "vault_py_manager_plain_http = on where something else encrypts it"
            )
        if bool(runtime.node_token) == bool(runtime.node_token_file):
            raise ConfigError("vault_py_manager_url needs one of vault_py_node_token and vault_py_node_token_file")
        if runtime.state_file and not runtime.state_key:
            raise ConfigError("vault_py_state_file needs vault_py_state_key: make one with `kong-vault store new-key`")
        return cls(
            url=url,
            ca_cert=runtime.manager_ca_cert,
            name=runtime.node_name or socket.gethostname(),
            state_file=Path(runtime.state_file) if runtime.state_file else None,
            state_key=runtime.state_key,
            report_interval_s=runtime.report_interval_s,
            hits_interval_s=runtime.audit_hits_interval_s,
            audit_buffer=runtime.audit_buffer,
        )


def _is_loopback(url: str) -> bool:
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
