"""A systemd unit for a plugin server that Kong doesn't start: it keeps an environment, and outlives Kong's reloads."""

from __future__ import annotations

from kong_vault_py.scaffold.choice import Choice

__all__ = ["systemd_unit"]


def systemd_unit(choice: Choice, *, user: str = "kong") -> str:
    """Return the unit. Kong's own lines are ``kong_conf(choice, started_by_kong=False)``."""
    serve = f"{choice.program} pluginserver -d {choice.plugins_directory}"
    return f"""\
# /etc/systemd/system/kong-vault-pluginserver.service: systemctl daemon-reload && systemctl enable --now it
[Unit]
Description=Kong's Python plugins, with secrets from vaults (kong-vault-py)
Documentation=https://pypi.org/project/kong-vault-py/
After=network-online.target
Wants=network-online.target
Before=kong.service

[Service]
User={user}
ExecStart={serve} --socket {choice.socket} --settings {choice.settings}
Restart=always
RestartSec=1
# A drain takes as long as the phases under way; the server ends them with 504 by itself.
TimeoutStopSec=30

NoNewPrivileges=yes
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectControlGroups=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
LockPersonality=yes
CapabilityBoundingSet=
UMask=0077
ReadWritePaths={choice.socket.parent}

[Install]
WantedBy=multi-user.target
"""
