"""Runtime groups: which one to look at, and making, describing and removing one."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems
from kong_vault_py.manager.page.links import link, see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import AdminVisit, SuperadminVisit, ViewerVisit, Visitor
from kong_vault_py.manager.problems import ProblemError

__all__ = ["router"]

router = page_router("groups")


def _fields(form: Form) -> dict[str, object]:
    return {"name": form.get("name") or None, "description": form.get("description") or None}


@router.get("")
def groups_screen(request: Request, manager: TheManager, principal: Visitor) -> Response:
    """Show the groups that the visitor has a role in."""
    return show(request, "groups", groups=manager.groups.all(principal.visible_groups), form={})


@router.post("")
def add_group(request: Request, manager: TheManager, principal: SuperadminVisit, form: PageForm) -> Response:
    """Make a group."""
    try:
        made = manager.groups.create(principal.actor, _fields(form))
    except ProblemError as problem:
        groups = manager.groups.all(principal.visible_groups)
        problems = field_problems(problem)
        return show(request, "groups", status=problem.status, groups=groups, form=form, problems=problems)
    return see_other(link("groups", made["name"], "vaults", done="added"))


@router.get("/{group}")
def group_start(visit: ViewerVisit) -> Response:
    """Send the visitor to the group's vaults."""
    return see_other(visit.link("vaults"))


@router.get("/{group}/settings")
def settings_screen(request: Request, manager: TheManager, visit: AdminVisit) -> Response:
    """Show a group's name and description."""
    return show(request, "group", form=manager.groups.get(visit.id))


@router.post("/{group}/settings")
def change_group(request: Request, manager: TheManager, visit: AdminVisit, form: PageForm) -> Response:
    """Rename or describe a group."""
    try:
        changed = manager.groups.change(visit.actor, visit.id, _fields(form))
    except ProblemError as problem:
        return show(request, "group", status=problem.status, form=form, problems=field_problems(problem))
    return see_other(link("groups", changed["name"], "settings", done="changed"))


@router.get("/{group}/delete")
def delete_screen(request: Request, visit: AdminVisit) -> Response:
    """Ask whether the group is to go."""
    visit.principal.require_superadmin()
    return show(
        request,
        "confirm",
        title=f"Delete the runtime group {visit.name}?",
        consequence="Its node tokens, policies and roles go with it. A group that has vaults or Config Stores stays.",
        button="Delete the group",
        cancel=visit.link("settings"),
    )


@router.post("/{group}/delete")
def delete_group(manager: TheManager, visit: AdminVisit) -> Response:
    """Remove a group."""
    visit.principal.require_superadmin()
    manager.groups.delete(visit.actor, visit.id)
    return see_other(link("groups", done="deleted"))
