"""Data plane nodes: their tokens, and what they reported last."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import select

from kong_vault_py.manager.access.tokens import digest, new_token
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.database.models import Node, NodeToken
from kong_vault_py.manager.fields import required_name, unknown_fields
from kong_vault_py.manager.problems import NotFoundError, SchemaViolationError
from kong_vault_py.manager.records import Records, new_id

__all__ = ["NodeIdentity", "Nodes"]

_NODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")


@dataclass(frozen=True)
class NodeIdentity:
    """A node that is signed in.

    Attributes:
        group_id: the one group whose data it gets.
        node: its name, as its token was made for.
    """

    group_id: str
    node: str

    @property
    def actor(self) -> str:
        """The name in the audit."""
        return f"node:{self.node}"


class Nodes:
    """The nodes of each group.

    Args:
        records: the manager's data.
    """

    def __init__(self, records: Records) -> None:
        self._records = records

    def by_token(self, text: str) -> NodeIdentity | None:
        """Return whose token this is, ``None`` for nobody's."""
        with self._records.database.read() as session:
            found = session.scalars(select(NodeToken).where(NodeToken.digest == digest(text))).first()
            return NodeIdentity(found.group_id, found.node) if found else None

    def tokens(self, group_id: str) -> list[dict[str, Any]]:
        """Return a group's node tokens, without the tokens themselves."""
        query = select(NodeToken).where(NodeToken.group_id == group_id).order_by(NodeToken.node, NodeToken.created_at)
        with self._records.database.read() as session:
            return [_shown(token) for token in session.scalars(query)]

    def create_token(self, actor: str, group_id: str, given: Mapping[str, object]) -> dict[str, Any]:
        """Make a token for a node, which may have several; ``token`` of the answer is seen here only."""
        problems = unknown_fields(given, {"node"})
        node = required_name(given, problems, pattern=_NODE, field="node")
        if problems:
            raise SchemaViolationError(problems)
        token = new_token("kvn")
        made = NodeToken(id=new_id(), group_id=group_id, node=node, digest=token.digest, created_at=self._records.now())
        with self._records.database.write() as session:
            session.add(made)
            self._records.audit.append(session, Event(actor, "node-token.create", node, group_id))
            return {**_shown(made), "token": token.text}

    def delete_token(self, actor: str, group_id: str, token_id: str) -> None:
        """Remove a node's token: it gets nothing from then on."""
        with self._records.database.write() as session:
            found = session.get(NodeToken, token_id)
            if found is None or found.group_id != group_id:
                raise NotFoundError
            session.delete(found)
            self._records.audit.append(session, Event(actor, "node-token.delete", found.node, group_id))

    def all(self, group_id: str) -> list[dict[str, Any]]:
        """Return what a group's nodes reported last."""
        query = select(Node).where(Node.group_id == group_id).order_by(Node.node)
        with self._records.database.read() as session:
            return [
                {"node": node.node, "about": node.about, "status": node.status, "seen_at": node.seen_at}
                for node in session.scalars(query)
            ]


def _shown(token: NodeToken) -> dict[str, Any]:
    return {"id": token.id, "node": token.node, "created_at": token.created_at}
