"""Who has which role in a group."""

from __future__ import annotations

from fastapi import Request, Response
from sqlalchemy import select

from kong_vault_py.manager.access.roles import Role
from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.database.models import Grant, User
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import AdminVisit, GroupVisit
from kong_vault_py.manager.problems import NotFoundError, ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("groups", "{group}", "members")


def _members(manager: Manager, group_id: str) -> list[tuple[str, str]]:
    query = select(User.username, Grant.role).join(Grant, Grant.user_id == User.id)
    query = query.where(Grant.group_id == group_id).order_by(User.username)
    with manager.records.database.read() as session:
        return [(row.username, row.role) for row in session.execute(query)]


@router.get("")
def members_screen(request: Request, manager: TheManager, visit: AdminVisit) -> Response:
    """Show who has a role."""
    return _screen(request, manager, visit, {}, {})


def _screen(
    request: Request, manager: Manager, visit: GroupVisit, form: Form, problems: dict[str, str], status: int = 200
) -> Response:
    return show(
        request,
        "members",
        status=status,
        members=_members(manager, visit.id),
        roles=[role.word for role in Role],
        form=form,
        problems=problems,
    )


@router.post("")
def grant_role(request: Request, manager: TheManager, visit: AdminVisit, form: PageForm) -> Response:
    """Give a user a role."""
    try:
        manager.users.grant(visit.actor, form.get("username", ""), visit.id, given_texts(form, "role"))
    except NotFoundError:
        return _screen(request, manager, visit, form, {"username": "there is no user of that name"}, 404)
    except ProblemError as problem:
        return _screen(request, manager, visit, form, field_problems(problem), problem.status)
    return see_other(visit.link("members", done="changed"))


@router.post("/{username}/delete")
def revoke_role(manager: TheManager, visit: AdminVisit, username: str) -> Response:
    """Take a user's role away."""
    manager.users.revoke(visit.actor, username, visit.id)
    return see_other(visit.link("members", done="deleted"))
