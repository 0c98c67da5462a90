"""What plugin and strategy authors test with: a gateway that plays Kong's side of the plugin server protocol.

``Gateway`` is a small HTTP gateway in Python in front of any plugin server (ours, or the stock one); ``EchoUpstream``
stands behind it; ``PluginServerProcess`` starts and stops the server. The pytest fixtures are in
:mod:`kong_vault_py.testing.pytest_plugin`. See ``docs/testing-plugins.md``.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kong_vault_py.testing.entities import Consumer, PluginEntity, Route
    from kong_vault_py.testing.gateway import Gateway
    from kong_vault_py.testing.log import LogLine
    from kong_vault_py.testing.plugin_server import PluginServerProcess
    from kong_vault_py.testing.recording import PdkCall, RpcRecord
    from kong_vault_py.testing.upstream import EchoUpstream

__all__ = [
    "Consumer",
    "EchoUpstream",
    "Gateway",
    "LogLine",
    "PdkCall",
    "PluginEntity",
    "PluginServerProcess",
    "Route",
    "RpcRecord",
]

_MODULES = {
    "Consumer": "entities",
    "EchoUpstream": "upstream",
    "Gateway": "gateway",
    "LogLine": "log",
    "PdkCall": "recording",
    "PluginEntity": "entities",
    "PluginServerProcess": "plugin_server",
    "Route": "entities",
    "RpcRecord": "recording",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package stays light."""
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULES[name]}"), name)
