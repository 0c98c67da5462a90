"""The fields of a plugin's config that Kong resolved from references, and keeping them fresh.

Kong gives an external plugin the value that a secret had when the instance was started, and never a later one. A plugin
that uses ``kong_vault_py.plugin.bind`` follows its vault by itself; for any other the instance is made again.
"""

from __future__ import annotations

import copy
import logging
import time
from typing import TYPE_CHECKING, Any

import gevent
from gevent.event import Event

from kong_vault_py.errors import VaultError
from kong_vault_py.plan import Plan, Slot
from kong_vault_py.resources import shown
from kong_vault_py.secret import Secret

if TYPE_CHECKING:
    from kong_vault_py.pluginserver.instances import Instance, Instances
    from kong_vault_py.status import FetchEvent
    from kong_vault_py.vault import Vault

__all__ = ["Freshening", "ResolvedFields"]

log = logging.getLogger(__name__)

#: Without news of a change; the vault's own cache does the refreshing.
_LOOK_S = 30.0
#: A change is told before it can be seen everywhere.
_SETTLE_S = 0.5


class ResolvedFields:
    """What Kong resolved in one config. The values are kept as secrets, so that no log shows them.

    Args:
        config: the instance's config, with Kong's ``$refs``.
        age_s: how long ago Kong gave it.

    Attributes:
        slots: the fields.
    """

    def __init__(self, config: dict[str, Any], age_s: float = 0.0) -> None:
        self.slots: tuple[Slot, ...] = ()
        self._config = config
        self._values: dict[tuple[Any, ...], Secret] = {}
        self._began = time.monotonic() - age_s
        self._told: set[str] = set()
        if "$refs" in repr(config):
            self.slots = tuple(slot for slot in Plan.of(config).slots if slot.given is not None)
            self._values = {slot.path: Secret(slot.given or "") for slot in self.slots}

    def newer(self, vault: Vault) -> dict[tuple[Any, ...], Secret]:
        """Return the values that the vault knows better than the instance does.

        Kong's own value stands where the vault can't say, and where it was fetched before Kong's.
        """
        found: dict[tuple[Any, ...], Secret] = {}
        for slot in self.slots:
            [reference] = slot.references
            try:
                lookup = vault.lookup(reference)
            except VaultError as error:
                if reference not in self._told:
                    log.info("%s can't be kept fresh here, Kong's own value stands: %s", shown(reference), error)
                self._told.add(reference)
                continue
            value = self._values[slot.path]
            fetched_since = time.monotonic() - lookup.age_s >= self._began
            if lookup.secret != value and (fetched_since or not value):
                found[slot.path] = lookup.secret
        return found

    def with_values(self, values: dict[tuple[Any, ...], Secret]) -> dict[str, Any]:
        """Return the config with ``values``, and take them for the instance's own from now on."""
        self._values.update(values)
        config = copy.deepcopy(self._config)
        for path, secret in self._values.items():
            holder: Any = config
            for key in path[:-1]:
                holder = holder[key]
            holder[path[-1]] = secret.reveal()
        return config


class Freshening:
    """Makes instances again when a value behind one of their fields has changed. It is an observer of the vault.

    Args:
        instances: all of them.
        vault: the resolver.
    """

    def __init__(self, instances: Instances, vault: Vault) -> None:
        self._instances = instances
        self._vault = vault
        self._news = Event()
        self._greenlet: Any = None
        instances.started = self._note

    def fetched(self, event: FetchEvent) -> None:
        """Hear of a fetch."""
        if event.changed:
            self._news.set()

    def stop(self) -> None:
        """Make no instance again."""
        self._instances.started = lambda _instance: None
        if self._greenlet is not None:
            self._greenlet.kill()

    def _note(self, instance: Instance) -> None:
        if _kept_by_us(instance):
            self._news.set()
            if self._greenlet is None:
                self._greenlet = gevent.spawn(self._follow)

    def _follow(self) -> None:
        while True:
            news = self._news.wait(_LOOK_S)
            self._news.clear()
            self._look()
            if news:
                gevent.sleep(_SETTLE_S)
                self._look()

    def _look(self) -> None:
        for number, instance in self._instances:
            if not _kept_by_us(instance):
                continue
            newer = instance.fields.newer(self._vault)
            if not newer or self._instances.describe(number) is None:
                continue
            problem = self._instances.make_again(number, instance.fields.with_values(newer))
            if problem is None:
                log.info("instance %d of plugin '%s' made again: a secret changed", number, instance.told["Name"])
            else:
                log.error(
                    "plugin '%s' can't start with a changed secret, the old instance goes on: %s",
                    instance.told["Name"],
                    problem,
                )


def _kept_by_us(instance: Instance) -> bool:
    return bool(instance.fields.slots) and instance.plugin is not None and not instance.plugin.follows_vault
