"""A real agent without a process of its own: on gevent's loop in a thread, where that is all a story needs."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import gevent

from kong_vault_py import Settings, Vault
from kong_vault_py.agent.agent import Agent
from kong_vault_py.agent.connections import Patience
from kong_vault_py.agent.options import AgentOptions
from kong_vault_py.errors import UnknownStrategyError
from kong_vault_py.strategies.base import Strategy
from tests.agent.agent_process import Shelf
from tests.agent.served.shelf import ShelfStrategy


def load_shelf(name: str) -> type[Strategy[Any]]:
    if name != "shelf":
        raise UnknownStrategyError(f"no vault strategy '{name}'")
    return ShelfStrategy


class AgentThread:
    """Serves until stopped.

    Args:
        folder: for its socket.
        shelf: its vault.
        patience: with slow clients.
        settings: ``key = value`` in kong.conf's words.
    """

    def __init__(self, folder: Path, shelf: Shelf, patience: Patience | None = None, **settings: object) -> None:
        self.path = folder / "agent.sock"
        told = {"vault_shelf_folder": shelf.folder, "vault_py_agent_socket": self.path, **settings}
        self._settings = Settings.load(environ={f"KONG_{key.upper()}": str(value) for key, value in told.items()})
        self.agent = Agent(AgentOptions.of(self._settings.runtime), load_shelf, patience)
        self._ends = threading.Event()
        self._serves = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._serves.wait(20)

    @property
    def port(self) -> int:
        assert self.agent.port is not None
        return self.agent.port

    def stop(self) -> int:
        self._ends.set()
        self._thread.join(20)
        assert not self._thread.is_alive()
        return 0

    def _run(self) -> None:
        with Vault(self._settings, strategies=load_shelf, observer=self.agent.metrics) as vault:
            self.agent.start(vault)
            self._serves.set()
            while not self._ends.is_set():
                gevent.sleep(0.005)
            self.agent.stop()
        gevent.get_hub().destroy(destroy_loop=True)
