"""A Config Store's values, for the nodes whose policies allow it."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.access.policies import group_policies, may_resolve
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.config_stores.secrets import stored_value
from kong_vault_py.manager.config_stores.stores import find_store
from kong_vault_py.manager.database.models import Vault
from kong_vault_py.manager.problems import NotAllowedError, NotFoundError
from kong_vault_py.manager.records import Records

__all__ = ["NodeStoreValues"]

_STRATEGY = "konnect"
_OPTION = "config_store_id"


class NodeStoreValues:
    """Config Store values for nodes.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def get(self, node: NodeIdentity, store_id: str, key: str, version: int | None) -> dict[str, Any]:
        """Return a secret with its value.

        Raises:
            NotFoundError: the node's group has no such store, secret or version.
            NotAllowedError: a policy keeps the node from it.
        """
        with self._records.database.read() as session:
            store = find_store(session, node.group_id, store_id)
            allowed = _allowed(session, node, store_id, key)
            found = stored_value(session, self._records.envelope, store_id, key, version) if allowed else None
            target = f"{store.name}/{key}"
        if not allowed:
            with self._records.database.write() as session:
                event = Event(node.actor, "config-store-secret.read", target, node.group_id, "denied")
                self._records.audit.append(session, event)
            raise NotAllowedError("a policy of the group keeps this node from the secret")
        if found is None:
            raise NotFoundError
        return {"key": key, "value": found.value, "version": found.version}


def _allowed(session: Session, node: NodeIdentity, store_id: str, key: str) -> bool:
    """Say whether a node may have a secret through any vault that leads to the store.

    Policies name prefixes: of the group's vaults for this store, or the strategy's own name where there is none.
    """
    policies = group_policies(session, node.group_id)
    if not policies:
        return True
    rows = session.scalars(select(Vault).where(Vault.group_id == node.group_id, Vault.name == _STRATEGY))
    prefixes = [row.prefix for row in rows if row.config.get(_OPTION) == store_id] or [_STRATEGY]
    return any(may_resolve(policies, prefix, key, node=node.node) for prefix in prefixes)
