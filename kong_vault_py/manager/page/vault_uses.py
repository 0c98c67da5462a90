"""What is known to use a vault or a Config Store: what a person should see before removing it."""

from __future__ import annotations

from typing import NamedTuple

from sqlalchemy import Text, cast, select

from kong_vault_py.manager.access.policies import group_policies
from kong_vault_py.manager.database.models import Vault
from kong_vault_py.manager.page.node_report import NodeReport
from kong_vault_py.manager.service import Manager

__all__ = ["Use", "store_uses", "vault_uses"]

_MAX_SHOWN = 20
_MAX_REFERENCES = 3
_EFFECTS = {"allow": "allows it to nodes", "deny": "denies it to nodes"}


class Use(NamedTuple):
    """One thing that would miss it, and how it uses it."""

    what: str
    how: str


def vault_uses(manager: Manager, group_id: str, prefix: str) -> list[Use]:
    """Return the nodes that resolve through a vault, the vaults whose config refers to it, and its policies."""
    now = manager.records.now()
    uses = []
    for row in manager.nodes.all(group_id):
        report = NodeReport.of(row, now)
        references = [text for found in report.resources if found.prefix == prefix for text in found.references]
        if references:
            more = f" and {len(references) - _MAX_REFERENCES} more" if len(references) > _MAX_REFERENCES else ""
            uses.append(Use(f"node {report.name}", f"resolves {', '.join(references[:_MAX_REFERENCES])}{more}"))
    with manager.records.database.read() as session:
        text = cast(Vault.config, Text)
        referring = select(Vault.prefix).where(Vault.group_id == group_id, Vault.prefix != prefix)
        referring = referring.where(text.contains(f"{{vault://{prefix}/", autoescape=True)).limit(_MAX_SHOWN)
        uses += [Use(f"vault {other}", "refers to it in its config") for other in session.scalars(referring)]
        policies = [policy for policy in group_policies(session, group_id) if policy.prefix == prefix]
    uses += [Use(f"policy for {policy.prefix}", f"{_EFFECTS[policy.effect]} {policy.node}") for policy in policies]
    return uses[:_MAX_SHOWN]


def store_uses(manager: Manager, group_id: str, store_id: str) -> list[Use]:
    """Return the vaults that lead to a Config Store."""
    query = select(Vault).where(Vault.group_id == group_id, Vault.name == "konnect").order_by(Vault.prefix)
    with manager.records.database.read() as session:
        rows = [row for row in session.scalars(query) if row.config.get("config_store_id") == store_id]
        return [Use(f"vault {row.prefix}", "reads its values from it") for row in rows[:_MAX_SHOWN]]
