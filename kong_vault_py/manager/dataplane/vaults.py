"""A group's vaults as one of its nodes gets them: whole, but only what its policies allow.

Many nodes ask for the same after each change, so what is made for one of them is kept for the others: with credentials
in plain text, which the manager's memory holds anyway while it answers.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass, field
from typing import Any

from cachetools import LRUCache
from sqlalchemy import select
from sqlalchemy.orm import Session

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.access.policies import Policy, group_policies, may_use_vault
from kong_vault_py.manager.database.models import Group, Vault
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.vaults.sealing import whole_config

__all__ = ["NodeVaults"]

_MAX_KEPT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class _Vaults:
    """A group's vaults as of one revision, ready to be sent.

    Attributes:
        state: the group's revision, and when it came about: after a restored backup a revision comes again.
        policies: the group's.
        prefixes: of all vaults.
        written: each vault as JSON.
        allowed: node -> the places of those that it may use, for nodes that asked.
    """

    state: tuple[int, int]
    policies: list[Policy]
    prefixes: list[str]
    written: list[bytes]
    allowed: dict[str, list[int]] = field(default_factory=dict)

    def for_node(self, node: str) -> bytes:
        """Return the answer to a node."""
        vaults = self.written
        if self.policies:
            places = self.allowed.get(node)
            if places is None:
                places = [
                    place for place, prefix in enumerate(self.prefixes) if may_use_vault(self.policies, prefix, node)
                ]
                self.allowed[node] = places
            vaults = [self.written[place] for place in places]
        head = f'{{"revision":{self.state[0]},"node":{json.dumps(node)},"vaults":['
        return head.encode() + b",".join(vaults) + b"]}"


class NodeVaults:
    """Vaults for nodes.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records
        self._kept: LRUCache[str, _Vaults] = LRUCache(_MAX_KEPT_BYTES, getsizeof=_size)
        self._making: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def revisions(self) -> dict[str, int]:
        """Return each group's revision."""
        with self._records.database.read() as session:
            return {row.id: row.revision for row in session.execute(select(Group.id, Group.revision))}

    def revision(self, group_id: str) -> int:
        """Return a group's revision, 0 for a group that is gone."""
        with self._records.database.read() as session:
            return session.scalar(select(Group.revision).where(Group.id == group_id)) or 0

    def of(self, node: NodeIdentity) -> bytes:
        """Return as JSON the vaults that a node may use, with credentials in plain text, and their revision."""
        kept = self._as_of(node.group_id, self._state(node.group_id))
        if kept is None:
            with self._turn(node.group_id):
                kept = self._as_of(node.group_id, self._state(node.group_id)) or self._read(node.group_id)
        return kept.for_node(node.node)

    def _turn(self, group_id: str) -> threading.Lock:
        """Return what all who read this group's vaults wait for: one read does for them."""
        with self._lock:
            return self._making.setdefault(group_id, threading.Lock())

    def _state(self, group_id: str) -> tuple[int, int]:
        with self._records.database.read() as session:
            return _state(session, group_id)

    def _as_of(self, group_id: str, state: tuple[int, int]) -> _Vaults | None:
        with self._lock:
            kept = self._kept.get(group_id)
        return kept if kept is not None and kept.state == state else None

    def _read(self, group_id: str) -> _Vaults:
        envelope = self._records.envelope
        with self._records.database.read() as session:
            # First: what changes meanwhile then comes with the next revision.
            state = _state(session, group_id)
            policies = group_policies(session, group_id)
            rows = session.scalars(select(Vault).where(Vault.group_id == group_id).order_by(Vault.prefix)).all()
        vaults = [
            {
                "id": row.id,
                "name": row.name,
                "prefix": row.prefix,
                "config": whole_config(envelope, row),
                "policies": _for_node(policies, row.prefix),
            }
            for row in rows
        ]
        written = [json.dumps(vault, ensure_ascii=False, separators=(",", ":")).encode() for vault in vaults]
        made = _Vaults(state, policies, [row.prefix for row in rows], written)
        if _size(made) <= _MAX_KEPT_BYTES:
            with self._lock:
                self._kept[group_id] = made
        return made


def _state(session: Session, group_id: str) -> tuple[int, int]:
    found = session.execute(select(Group.revision, Group.updated_at).where(Group.id == group_id)).first()
    return (found.revision, found.updated_at) if found else (0, 0)


def _size(vaults: _Vaults) -> int:
    return sum(map(len, vaults.written))


def _for_node(policies: list[Policy], prefix: str) -> list[dict[str, Any]]:
    return [
        {"effect": policy.effect, "node": policy.node, "plugin": policy.plugin, "resource": policy.resource}
        for policy in policies
        if policy.is_about(prefix)
    ]
