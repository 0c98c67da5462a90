"""Which node and plugin may resolve what in a group."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.vault_search import prefixes
from kong_vault_py.manager.page.visits import AdminVisit, GroupVisit, ViewerVisit
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("groups", "{group}", "policies")


@router.get("")
def policies_screen(request: Request, manager: TheManager, visit: ViewerVisit) -> Response:
    """Show the group's policies."""
    return _screen(request, manager, visit, {})


def _screen(
    request: Request, manager: Manager, visit: GroupVisit, form: Form, problem: ProblemError | None = None
) -> Response:
    return show(
        request,
        "policies",
        status=problem.status if problem else 200,
        policies=manager.policies.all(visit.id),
        known=prefixes(manager.records, visit.id),
        form=form,
        problems=field_problems(problem) if problem else {},
    )


@router.post("")
def add_policy(request: Request, manager: TheManager, visit: AdminVisit, form: PageForm) -> Response:
    """Add a policy."""
    given = given_texts(form, "effect", "prefix", "node", "plugin", "resource")
    try:
        manager.policies.create(visit.actor, visit.id, given)
    except ProblemError as problem:
        return _screen(request, manager, visit, form, problem)
    return see_other(visit.link("policies", done="added"))


@router.post("/{policy}/delete")
def delete_policy(manager: TheManager, visit: AdminVisit, policy: str) -> Response:
    """Remove a policy."""
    manager.policies.delete(visit.actor, visit.id, policy)
    return see_other(visit.link("policies", done="deleted"))
