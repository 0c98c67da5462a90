"""A group's vaults as one of its nodes gets them: whole, but only what its policies allow."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.access.policies import Policy, group_policies, may_use_vault
from kong_vault_py.manager.database.models import Group, Vault
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.vaults.sealing import whole_config

__all__ = ["NodeVaults"]


class NodeVaults:
    """Vaults for nodes.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def revisions(self) -> dict[str, int]:
        """Return each group's revision."""
        with self._records.database.read() as session:
            return {row.id: row.revision for row in session.execute(select(Group.id, Group.revision))}

    def revision(self, group_id: str) -> int:
        """Return a group's revision, 0 for a group that is gone."""
        with self._records.database.read() as session:
            return session.scalar(select(Group.revision).where(Group.id == group_id)) or 0

    def of(self, node: NodeIdentity) -> dict[str, Any]:
        """Return the vaults that a node may use, with credentials in plain text, and their revision."""
        envelope = self._records.envelope
        with self._records.database.read() as session:
            # First: what changes meanwhile then comes with the next revision.
            revision = session.scalar(select(Group.revision).where(Group.id == node.group_id)) or 0
            policies = group_policies(session, node.group_id)
            rows = session.scalars(select(Vault).where(Vault.group_id == node.group_id).order_by(Vault.prefix)).all()
            vaults = [
                {
                    "id": row.id,
                    "name": row.name,
                    "prefix": row.prefix,
                    "config": whole_config(envelope, row),
                    "policies": _for_node(policies, row.prefix),
                }
                for row in rows
                if may_use_vault(policies, row.prefix, node.node)
            ]
        return {"revision": revision, "node": node.node, "vaults": vaults}


def _for_node(policies: list[Policy], prefix: str) -> list[dict[str, str]]:
    return [
        {"effect": policy.effect, "node": policy.node, "plugin": policy.plugin, "resource": policy.resource}
        for policy in policies
        if policy.is_about(prefix)
    ]
