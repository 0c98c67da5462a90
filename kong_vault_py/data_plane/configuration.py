"""What the manager says that a node shall know: entities with their policies, at a revision."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import InvalidResponseError, PermissionDeniedError
from kong_vault_py.policies import Policy, may_resolve
from kong_vault_py.reference import Reference
from kong_vault_py.strategies.registry import strategy_names

__all__ = ["NOTHING", "Configuration"]

log = logging.getLogger(__name__)

#: A query's options that say how long a value is kept, and not which one it is.
_HARMLESS = {"ttl", "neg_ttl", "resurrect_ttl", "min_ttl", "max_ttl", "fetch_timeout_s"}


@dataclass(frozen=True)
class Configuration:
    """A group's vaults, as one of its nodes gets them.

    Attributes:
        revision: the manager's count of changes.
        node: this node's name, as its token was made for.
        entities: by prefix.
        policies: by prefix, where there are any.
        document: the manager's answer, for the disk.
    """

    revision: int
    node: str
    entities: Mapping[str, VaultEntity]
    policies: Mapping[str, tuple[Policy, ...]]
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)

    @classmethod
    def of(cls, document: object, manager: str, node: str) -> Configuration:
        """Read the manager's answer. A vault that won't do is left out, and told of: the others are needed.

        Args:
            document: the JSON, parsed.
            manager: its URL, for messages.
            node: this node's name, where the manager doesn't say it.

        Raises:
            InvalidResponseError: this is no such answer.
        """
        revision = document.get("revision") if isinstance(document, dict) else None
        vaults = document.get("vaults") if isinstance(document, dict) else None
        if not isinstance(document, dict) or type(revision) is not int or not isinstance(vaults, list):
            raise InvalidResponseError(f"manager {manager}: its answer has no revision and no vaults")
        entities: dict[str, VaultEntity] = {}
        policies: dict[str, tuple[Policy, ...]] = {}
        reserved = set(strategy_names())
        for item in vaults:
            prefix = item.get("prefix") if isinstance(item, dict) else None
            name, config = (item.get("name"), item.get("config") or {}) if isinstance(item, dict) else (None, None)
            if not (isinstance(prefix, str) and prefix and isinstance(name, str) and name and isinstance(config, dict)):
                log.error("manager %s: a vault without name, prefix or config is left out", manager)
            elif prefix in reserved:
                log.error("manager %s: vault '%s' is left out: that is a strategy's name", manager, prefix)
            else:
                entities[prefix] = VaultEntity(prefix, name, config, "manager")
                policies[prefix] = tuple(_policies(item.get("policies")))
        told = document.get("node")
        return cls(revision, told if isinstance(told, str) else node, entities, policies, document)

    def same_as(self, other: Configuration) -> bool:
        """Tell whether they lead every reference to the same place."""
        return (self.node, self.entities, self.policies) == (other.node, other.entities, other.policies)

    def admit(self, reference: Reference, plugin: str | None) -> None:
        """Check a reference against the policies.

        Args:
            reference: of one of these entities, or of none.
            plugin: who uses it; ``None`` where that isn't known.

        Raises:
            PermissionDeniedError: they don't allow it.
        """
        policies = self.policies.get(reference.name)
        if not policies:
            return
        resource = reference.resource + (f"/{reference.key}" if reference.key is not None else "")
        allowed = may_resolve(policies, reference.name, resource, node=self.node, plugin=plugin)
        if allowed and any(policy.resource != "*" for policy in policies):
            # Such an override (env's prefix) would make another secret of the one that the policies allow.
            allowed = not (reference.config or {}).keys() - _HARMLESS
        if not allowed:
            whom = f"plugin '{plugin}' on node" if plugin else "node"
            raise PermissionDeniedError(
                f"a policy of the manager keeps {whom} '{self.node}' from '{resource}' of vault '{reference.name}'"
            )


#: What is known before anything is.
NOTHING = Configuration(-1, "", {}, {})


def _policies(items: object) -> Iterable[Policy]:
    for item in items if isinstance(items, list) else []:
        if not isinstance(item, dict):
            continue
        patterns = {name: item[name] for name in ("node", "plugin", "resource") if isinstance(item.get(name), str)}
        # The manager sent only those about this prefix, whatever pattern they were written with. Unknown words deny.
        yield Policy("allow" if item.get("effect") == "allow" else "deny", "*", **patterns)
