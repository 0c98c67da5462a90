"""A Docker Compose file: Kong, and a plugin server beside it that keeps Python and credentials out of Kong's image."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from kong_vault_py import __version__
from kong_vault_py.scaffold.choice import Choice
from kong_vault_py.strategies.registry import BUILT_IN

__all__ = ["compose_file"]

_RUN = "/run/kong-vault"
_HEAD = """\
# Kong reads the plugins' descriptions from files that the plugin server writes, so Kong's image needs no Python.
# Beside this file: kong.yml (Kong's declarative config) and kong-vault.conf (kong-vault init settings; chmod 600).
"""


def compose_file(choice: Choice) -> str:
    """Return the text of a docker-compose.yml."""
    needed = {BUILT_IN[name].extra for name in choice.vaults if name in BUILT_IN}
    extras = ",".join(sorted({"redis", *(extra for extra in needed if extra)}))
    install = f"pip install --quiet 'kong-vault-py[{extras}]=={__version__}'"
    serve = (
        f"exec kong-vault pluginserver -d /usr/local/share/kong-vault-py/plugins --write-dumps {_RUN}/dumps "
        f"--socket {_RUN}/python.socket --settings /etc/kong-vault.conf --no-parent-watch"
    )
    document = {
        "services": {
            "kong": {
                "image": "kong:3.9",
                # One user on both sides, so that the socket can be 0600.
                "user": "1000:1000",
                "environment": _kongs_environment(choice),
                "volumes": ["./kong.yml:/etc/kong/kong.yml:ro", f"kong-vault:{_RUN}"],
                "tmpfs": ["/run/kong:uid=1000,gid=1000,mode=0700"],
                "ports": ["127.0.0.1:8000:8000"],
                "depends_on": {"pluginserver": {"condition": "service_healthy"}},
            },
            "pluginserver": {
                "build": {"context": ".", "dockerfile_inline": _dockerfile(install)},
                "user": "1000:1000",
                "command": ["sh", "-c", serve],
                "volumes": ["./kong-vault.conf:/etc/kong-vault.conf:ro", f"kong-vault:{_RUN}"],
                "healthcheck": {
                    "test": ["CMD", "test", "-S", f"{_RUN}/python.socket"],
                    "interval": "5s",
                    "retries": 12,
                },
            },
        },
        "volumes": {"kong-vault": None},
    }
    return _HEAD + yaml.safe_dump(document, sort_keys=False, width=120)


def _dockerfile(install: str) -> str:
    # A named volume takes the owner of the folder that it covers.
    return f"FROM python:3.12-slim\nRUN {install} && install -d -o 1000 -g 1000 -m 0700 {_RUN}\n"


def _kongs_environment(choice: Choice) -> dict[str, Any]:
    names = ",".join(choice.plugins)
    found = {
        "KONG_PREFIX": "/run/kong",
        "KONG_DATABASE": "off",
        "KONG_DECLARATIVE_CONFIG": "/etc/kong/kong.yml",
        "KONG_PLUGINS": f"bundled,{names}",
        "KONG_PLUGINSERVER_NAMES": names,
    }
    for plugin in choice.plugins:
        key = f"KONG_PLUGINSERVER_{plugin.replace('-', '_').upper()}"
        found[f"{key}_SOCKET"] = f"{_RUN}/python.socket"
        found[f"{key}_QUERY_CMD"] = f"cat {Path(_RUN) / 'dumps' / plugin}.json"
    return found
