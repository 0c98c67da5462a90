"""Node tokens of a group: shown once, when they are made."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import AdminVisit
from kong_vault_py.manager.problems import NotFoundError, ProblemError

__all__ = ["router"]

router = page_router("groups", "{group}", "node-tokens")


@router.get("")
def tokens_screen(request: Request, manager: TheManager, visit: AdminVisit) -> Response:
    """Show which tokens there are."""
    return show(request, "node_tokens", tokens=manager.nodes.tokens(visit.id), made=None, form={})


@router.post("")
def add_token(request: Request, manager: TheManager, visit: AdminVisit, form: PageForm) -> Response:
    """Make a token, and show it this once: in the answer itself, so that no address leads to it."""
    try:
        made = manager.nodes.create_token(visit.actor, visit.id, given_texts(form, "node"))
    except ProblemError as problem:
        tokens, problems = manager.nodes.tokens(visit.id), field_problems(problem)
        return show(
            request, "node_tokens", status=problem.status, tokens=tokens, made=None, form=form, problems=problems
        )
    return show(request, "node_tokens", status=201, tokens=manager.nodes.tokens(visit.id), made=made, form={})


@router.get("/{token}/delete")
def delete_screen(request: Request, manager: TheManager, visit: AdminVisit, token: str) -> Response:
    """Ask whether the token is to go."""
    found = next((one for one in manager.nodes.tokens(visit.id) if one["id"] == token), None)
    if found is None:
        raise NotFoundError
    return show(
        request,
        "confirm",
        title=f"Delete a token of the node {found['node']}?",
        consequence="A node that signs in with it gets nothing from then on.",
        button="Delete the token",
        cancel=visit.link("node-tokens"),
    )


@router.post("/{token}/delete")
def delete_token(manager: TheManager, visit: AdminVisit, token: str) -> Response:
    """Remove a token."""
    manager.nodes.delete_token(visit.actor, visit.id, token)
    return see_other(visit.link("node-tokens", done="deleted"))
