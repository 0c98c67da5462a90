"""One's own API tokens: shown once, when they are made."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import link, see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import Visitor
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("tokens")

_DAY_S = 86400


@router.get("")
def tokens_screen(request: Request, manager: TheManager, principal: Visitor) -> Response:
    """Show one's tokens."""
    return _screen(request, manager, principal)


def _screen(
    request: Request,
    manager: Manager,
    principal: Principal,
    *,
    form: Form | None = None,
    made: dict[str, object] | None = None,
    problem: ProblemError | None = None,
) -> Response:
    return show(
        request,
        "api_tokens",
        status=problem.status if problem else 201 if made else 200,
        tokens=manager.api_tokens.of(principal),
        now=manager.records.now(),
        made=made,
        form=form or {},
        problems=field_problems(problem) if problem else {},
    )


@router.post("")
def add_token(request: Request, manager: TheManager, principal: Visitor, form: PageForm) -> Response:
    """Make a token, and show it this once: in the answer itself, so that no address leads to it."""
    days = form.get("days", "")
    life = {"expires_in_s": int(days) * _DAY_S if days.isascii() and days.isdigit() and len(days) < 6 else days}
    try:
        made = manager.api_tokens.create(principal, given_texts(form, "name") | (life if days else {}))
    except ProblemError as problem:
        return _screen(request, manager, principal, form=form, problem=problem)
    return _screen(request, manager, principal, made=made)


@router.post("/{token}/delete")
def delete_token(manager: TheManager, principal: Visitor, token: str) -> Response:
    """Remove one of one's tokens."""
    manager.api_tokens.delete(principal, token)
    return see_other(link("tokens", done="deleted"))
