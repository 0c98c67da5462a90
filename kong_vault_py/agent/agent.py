"""The agent as one object: run on its own by ``process``, or within the plugin server, on that one's vault."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import gevent

from kong_vault_py.agent.app import make_app
from kong_vault_py.agent.connections import Patience
from kong_vault_py.agent.metrics import Metrics
from kong_vault_py.agent.options import AgentOptions
from kong_vault_py.agent.requested import Requests
from kong_vault_py.agent.server import AgentServer
from kong_vault_py.agent.token_file import TokenFile
from kong_vault_py.agent.warmup import Warmup
from kong_vault_py.strategies.base import Strategy
from kong_vault_py.strategies.registry import load_strategy
from kong_vault_py.vault import Vault

__all__ = ["Agent"]

log = logging.getLogger(__name__)

_GRACE_S = 5.0


class Agent:
    """Serves a vault to the node. The process is patched for gevent.

    Args:
        options: where, and whom.
        strategies: strategy name -> class.
        patience: with slow clients.

    Raises:
        ConfigError: the token file won't do.
    """

    def __init__(
        self,
        options: AgentOptions,
        strategies: Callable[[str], type[Strategy[Any]]] = load_strategy,
        patience: Patience | None = None,
    ) -> None:
        self._options = options
        self._strategies = strategies
        self._patience = patience
        self._token = TokenFile(options.token_file) if options.token_file and options.listen else None
        self._server: AgentServer | None = None
        self._warmup: Warmup | None = None
        #: The observer for the vault.
        self.metrics = Metrics()

    @property
    def port(self) -> int | None:
        """The port that it serves on, once started."""
        return self._server.port if self._server else None

    def start(self, vault: Vault) -> Warmup:
        """Serve the vault, and begin to warm it up.

        Returns:
            The warm-up, which says when the agent is ready.

        Raises:
            ConfigError: the socket or the port can't be had.
        """
        options = self._options
        warmup = self._warmup = Warmup(vault, options.warmup)
        requests = Requests(vault, self._strategies, options.allowed_overrides)
        self.metrics.watch(vault)
        app = make_app(vault, requests, warmup=warmup, metrics=self.metrics, token=self._token)
        server = AgentServer(options, app, self._patience)
        server.start()
        self._server = server
        over_tcp = f" and {options.listen[0]}:{server.port}" if options.listen else ""
        log.info("the agent serves on %s%s", options.socket, over_tcp)
        if options.socket_mode & 0o006:
            log.warning(
                "%s has mode %04o: every user of this machine gets its secrets", options.socket, options.socket_mode
            )
        gevent.spawn(warmup.run)
        return warmup

    def reload(self) -> None:
        """Read the token file again."""
        if self._token is not None:
            self._token.reload()

    def stop(self) -> None:
        """Let requests under way finish, and serve no more. Safe to call before the start."""
        if self._warmup is not None:
            self._warmup.stop()
        if self._server is not None:
            self._server.stop(_GRACE_S)
