"""All users, for superadmins."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import link, see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import SuperadminVisit
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("users")


@router.get("")
def users_screen(request: Request, manager: TheManager, _principal: SuperadminVisit) -> Response:
    """Show all users."""
    return show(request, "users", users=manager.users.all(), group_names=_group_names(manager), form={})


def _group_names(manager: Manager) -> dict[str, str]:
    return {group["id"]: group["name"] for group in manager.groups.all()}


@router.post("")
def add_user(request: Request, manager: TheManager, principal: SuperadminVisit, form: PageForm) -> Response:
    """Make a user."""
    given = given_texts(form, "username", "password") | {"superadmin": "superadmin" in form}
    try:
        made = manager.users.create(principal.actor, given)
    except ProblemError as problem:
        shown = {name: value for name, value in form.items() if name != "password"}
        users, problems = manager.users.all(), field_problems(problem)
        names = _group_names(manager)
        return show(
            request, "users", status=problem.status, users=users, group_names=names, form=shown, problems=problems
        )
    return see_other(link("users", made["id"], done="added"))


@router.get("/{user}")
def user_screen(request: Request, manager: TheManager, _principal: SuperadminVisit, user: str) -> Response:
    """Show one user."""
    return _user_screen(request, manager, user)


def _user_screen(request: Request, manager: Manager, user: str, problem: ProblemError | None = None) -> Response:
    return show(
        request,
        "user",
        status=problem.status if problem else 200,
        user=manager.users.get(user),
        group_names=_group_names(manager),
        problems=field_problems(problem) if problem else {},
    )


@router.post("/{user}")
def change_user(
    request: Request, manager: TheManager, principal: SuperadminVisit, user: str, form: PageForm
) -> Response:
    """Set what a user may do, or a new password."""
    found = manager.users.get(user)
    return _changed(request, manager, principal, found["id"], _changes(form))


def _changes(form: Form) -> dict[str, object]:
    if "password" in form:
        return {"password": form["password"]}
    return {"superadmin": "superadmin" in form, "disabled": "disabled" in form}


def _changed(
    request: Request, manager: Manager, principal: Principal, user_id: str, changes: dict[str, object]
) -> Response:
    try:
        manager.users.change(principal.actor, user_id, changes)
    except ProblemError as problem:
        return _user_screen(request, manager, user_id, problem)
    return see_other(link("users", user_id, done="changed"))


@router.get("/{user}/delete")
def delete_screen(request: Request, manager: TheManager, _principal: SuperadminVisit, user: str) -> Response:
    """Ask whether the user is to go."""
    found = manager.users.get(user)
    return show(
        request,
        "confirm",
        title=f"Delete the user {found['username']}?",
        consequence="Their API tokens, sessions and roles go with them; what they did stays in the audit.",
        button="Delete the user",
        cancel=link("users", found["id"]),
    )


@router.post("/{user}/delete")
def delete_user(manager: TheManager, principal: SuperadminVisit, user: str) -> Response:
    """Remove a user."""
    manager.users.delete(principal.actor, user)
    return see_other(link("users", done="deleted"))
