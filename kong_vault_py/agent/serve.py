"""Running the agent in a process of its own."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from kong_vault_py.errors import MissingDependencyError

if TYPE_CHECKING:
    from kong_vault_py.agent.agent import Agent
    from kong_vault_py.settings import Settings

__all__ = ["hosted_agent", "serve"]


def serve(settings: Path | None, *, socket: Path | None = None, listen: str | None = None) -> None:
    """Serve until SIGTERM or SIGINT. Patches the process for gevent first, so call it in a process of its own.

    Args:
        settings: the settings file, ``None`` for the environment.
        socket: the path to listen on, instead of the settings'.
        listen: loopback address and port, instead of the settings'.

    Raises:
        ConfigError: a setting, a socket or a file is wrong.
        MissingDependencyError: the agent's packages are not installed.
    """
    _check_packages()
    from gevent import monkey

    monkey.patch_all()
    # Only now: whatever these import must find the patched sockets and locks.
    from kong_vault_py.agent.process import run

    run(settings, socket=socket, listen=listen)


def hosted_agent(settings: Settings, *, wanted: bool) -> Agent | None:
    """Return an agent to run within another server, on that one's vault; ``None`` where nobody asked for one.

    Args:
        settings: the server's; ``vault_py_pluginserver_agent`` asks for it too.
        wanted: the command line asks for it.

    Raises:
        ConfigError: a setting or a file is wrong.
        MissingDependencyError: the agent's packages are not installed.
    """
    if not (wanted or settings.runtime.pluginserver_agent):
        return None
    _check_packages()
    from kong_vault_py.agent.agent import Agent
    from kong_vault_py.agent.options import AgentOptions

    return Agent(AgentOptions.of(settings.runtime))


def _check_packages() -> None:
    for package in ("falcon", "prometheus_client"):
        if find_spec(package) is None:
            raise MissingDependencyError(
                f"the agent needs the Python package '{package}': pip install 'kong-vault-py[agent]'"
            )
