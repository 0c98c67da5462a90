"""How each node of a group stands: when it was last seen, how old its values are, and what fails."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.node_report import NodeReport
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import ViewerVisit
from kong_vault_py.manager.problems import NotFoundError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("groups", "{group}", "status")

_MAX_ROWS = 500


def _reports(manager: Manager, group_id: str) -> list[NodeReport]:
    now = manager.records.now()
    return [NodeReport.of(row, now) for row in manager.nodes.all(group_id)]


@router.get("")
def status_screen(request: Request, manager: TheManager, visit: ViewerVisit) -> Response:
    """Show all nodes."""
    return show(request, "status", nodes=_reports(manager, visit.id))


@router.get("/{node}")
def node_screen(
    request: Request, manager: TheManager, visit: ViewerVisit, node: str, failing: str = "", reference: str = ""
) -> Response:
    """Show one node's resources; ``failing`` and ``reference`` narrow them down."""
    found = next((report for report in _reports(manager, visit.id) if report.name == node), None)
    if found is None:
        raise NotFoundError
    wanted = [
        resource
        for resource in found.resources
        if (resource.failing or not failing) and any(reference in text for text in resource.references or ("",))
    ]
    return show(
        request,
        "node",
        node=found,
        resources=wanted[:_MAX_ROWS],
        left_out=max(0, len(wanted) - _MAX_ROWS),
        failing=failing,
        reference=reference,
    )
