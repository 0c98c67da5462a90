"""A vault behind the agent: every resource comes from the node's agent, and no vault is known here.

So a plugin server holds no credentials, and a node's processes share one cache. Values stay in the process as ever:
a hit doesn't leave it, and where the agent is down the old value is served on.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from cachetools import TTLCache

from kong_vault_py.agent_client import AgentClient
from kong_vault_py.entities import EntityDirectory, VaultEntity
from kong_vault_py.errors import ConfigError, UnknownPrefixError, VaultError
from kong_vault_py.fetching import Answer, Fetcher, Located
from kong_vault_py.options import StrategyConfig
from kong_vault_py.reference import Reference, whole_reference
from kong_vault_py.settings import Settings
from kong_vault_py.strategies.base import Health, Strategy

__all__ = ["AgentDirectory", "AgentFetcher", "behind_agent"]

_STRATEGY = "agent"
#: The agent itself remembers what is missing.
_KEPT_BY = StrategyConfig(neg_ttl=1.0)

_MOST_UNKNOWN = 1000
_UNKNOWN_FOR_S = 1.0


def behind_agent(
    settings: Settings, load_strategy: Callable[[str], type[Strategy[Any]]]
) -> tuple[EntityDirectory, Fetcher]:
    """Return what stands for the vaults where the settings name an agent."""
    directory = AgentDirectory(settings, load_strategy)
    client = AgentClient(str(settings.runtime.agent), settings.runtime.agent_timeout_s)
    return directory, AgentFetcher(client, directory)


class AgentDirectory(EntityDirectory):
    """Knows no entities: any name may be one of the agent's, but for those it has just said it doesn't know."""

    def __init__(self, settings: Settings, load_strategy: Callable[[str], type[Strategy[Any]]]) -> None:
        super().__init__(settings, load_strategy)
        self._unknown: TTLCache[str, str] = TTLCache(_MOST_UNKNOWN, _UNKNOWN_FOR_S)
        self._unknown_lock = threading.Lock()

    def find(self, name: str) -> VaultEntity:
        """Return a stand-in: the agent says whether it knows the name.

        Raises:
            UnknownPrefixError: it has just said that it doesn't.
        """
        with self._unknown_lock:
            message = self._unknown.get(name)
        if message is not None:
            raise UnknownPrefixError(message)
        return VaultEntity(name, _STRATEGY, {}, "the agent")

    def note_unknown(self, name: str, error: UnknownPrefixError) -> None:
        """Remember for a moment that the agent doesn't know a name: it may be Kong's, in a field of every request."""
        with self._unknown_lock:
            self._unknown[name] = str(error)

    def adopt(self, entity: VaultEntity) -> str:
        """Refuse.

        Raises:
            ConfigError: always.
        """
        raise ConfigError(f"{entity.source}: all secrets come from the agent (vault_py_agent)")

    def all(self) -> list[VaultEntity]:
        """Return none: they are the agent's."""
        return []

    def strategies_in_use(self) -> list[str]:
        """Return none: no vault is asked from here."""
        return []


class AgentFetcher(Fetcher):
    """Fetches from the agent.

    Args:
        client: the agent's.
        directory: hears of names that the agent doesn't know.
    """

    def __init__(self, client: AgentClient, directory: AgentDirectory) -> None:
        self._client = client
        self._unknowing = directory

    def locate(self, reference: Reference) -> Located:  # noqa: ARG002  # every reference leads there
        """Return the agent."""
        return Located(_STRATEGY, _KEPT_BY)

    def fetch(self, reference: Reference, located: Located) -> Answer:
        """Ask the agent for the reference's resource.

        Raises:
            VaultError: what the agent says, or that it can't be asked.
        """
        try:
            found = self._client.resource(whole_reference(replace(reference, key=None)))
        except UnknownPrefixError as error:
            self._unknowing.note_unknown(reference.name, error)
            raise
        kept_by = replace(located.config, base64_decode=found.base64_decode, resurrect_ttl=found.resurrect_ttl_s)
        return Answer(found.value, found.ttl_s, found.immutable, kept_by)

    def check(self, located: Located, *, timeout_s: float) -> Health:  # noqa: ARG002  # the client has its own
        """Say whether the agent answers."""
        return Health.of(self._client.is_alive)

    def batch_size(self, located: Located) -> int:  # noqa: ARG002
        """Return 1: an answer of the agent costs little."""
        return 1

    def fetch_many(self, references: Sequence[Reference], located: Located) -> list[Answer | VaultError]:
        """Not asked for: ``batch_size`` is 1."""
        raise NotImplementedError

    def crowded(self, resources: int) -> bool:  # noqa: ARG002
        """There is one client."""
        return False

    def close_unused(self, used: set[Located]) -> None:
        """Close the connections, if nothing is used any more."""
        if not used:
            self._client.close()
