"""A node as one object: the entities that come, and the reports that go."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from kong_vault_py.data_plane.background import Background
from kong_vault_py.data_plane.managed_entities import ManagedEntities
from kong_vault_py.data_plane.node_token import NodeToken
from kong_vault_py.data_plane.options import NodeOptions
from kong_vault_py.data_plane.reporter import Reporter
from kong_vault_py.data_plane.usage import Usage
from kong_vault_py.secret import Secret
from kong_vault_py.settings import RuntimeSettings
from kong_vault_py.status import ManagerStatus, Observer, VaultStatus

__all__ = ["DataPlane"]

_REPORT_END_S = 2.5


class DataPlane:
    """What a resolver has of its manager.

    Args:
        runtime: the settings, with a ``manager_url``.
        resolve: resolves references in them.
        status: says how the resolver stands.
        hits: reference -> how often the cache served it.
        takes_entities: ``False`` where they come from elsewhere (an agent): then there are reports alone.

    Raises:
        ConfigError: a setting is wrong, or missing.

    Attributes:
        entities: the manager's; ``None`` where they come from elsewhere.
    """

    def __init__(
        self,
        runtime: RuntimeSettings,
        *,
        resolve: Callable[[str], Secret],
        status: Callable[[], VaultStatus],
        hits: Callable[[], Mapping[str, int]],
        takes_entities: bool = True,
    ) -> None:
        options = NodeOptions.of(runtime)
        token = NodeToken(runtime, resolve)
        self._url = options.url
        self.entities = ManagedEntities(options, token, resolve) if takes_entities else None
        self._reporter = Reporter(options, token, status, hits, quiet=takes_entities)
        loops = {"report": self._reporter.run}
        if self.entities is not None:
            loops["sync"] = self.entities.run
        self._background = Background(**loops)

    @property
    def usage(self) -> Usage:
        """Who uses which reference."""
        return self._reporter.usage

    def observer(self, other: Observer | None) -> Observer:
        """Return the observer for the resolver, which passes fetches on to another one."""
        self._reporter.observer = other
        return self._reporter

    def start(self, changed: Callable[[], object]) -> None:
        """Begin to ask and to report.

        Args:
            changed: called whenever references may lead elsewhere.
        """
        if self.entities is not None:
            self.entities.changed = changed
            self.entities.about_to_run()
        self._background.start()

    def status(self) -> ManagerStatus:
        """Say how the node and its manager stand with each other."""
        audit = self._reporter.audit
        if self.entities is None:
            found = ManagerStatus(self._url, None, 0, connected=False, last_sync_age_s=None, error=None)
        else:
            found = self.entities.status()
        return replace(found, audit_waiting=len(audit), audit_dropped=audit.dropped)

    def close(self) -> None:
        """Send a last report, and end. Safe to call twice."""
        self._background.stop()
        if self.entities is not None:
            self.entities.close()
        self._background.join(_REPORT_END_S)
