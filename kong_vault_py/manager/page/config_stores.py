"""Config Stores: the list, a new one, one store with its keys, and the end of one."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.vault_uses import store_uses
from kong_vault_py.manager.page.visits import EditorVisit, GroupVisit, ViewerVisit
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router", "store_screen"]

router = page_router("groups", "{group}", "config-stores")

_PAGE_SIZE = 50


@router.get("")
def stores_screen(request: Request, manager: TheManager, visit: ViewerVisit, after: str = "") -> Response:
    """Show a page of the group's stores."""
    return _stores_screen(request, manager, visit, after)


def _stores_screen(
    request: Request,
    manager: Manager,
    visit: GroupVisit,
    after: str = "",
    form: Form | None = None,
    problem: ProblemError | None = None,
) -> Response:
    stores, cursor = manager.stores.page(visit.id, size=_PAGE_SIZE, after=after or None)
    following = visit.link("config-stores", after=cursor) if cursor else None
    problems = field_problems(problem) if problem else {}
    status = problem.status if problem else 200
    return show(
        request, "stores", status=status, stores=stores, following=following, form=form or {}, problems=problems
    )


@router.post("")
def add_store(request: Request, manager: TheManager, visit: EditorVisit, form: PageForm) -> Response:
    """Make a store."""
    try:
        made = manager.stores.create(visit.actor, visit.id, given_texts(form, "name"))
    except ProblemError as problem:
        return _stores_screen(request, manager, visit, form=form, problem=problem)
    return see_other(visit.link("config-stores", made["id"], done="added"))


@router.get("/{store}")
def one_store(request: Request, manager: TheManager, visit: ViewerVisit, store: str, after: str = "") -> Response:
    """Show a page of a store's keys."""
    return store_screen(request, manager, visit, store, after)


def store_screen(
    request: Request,
    manager: Manager,
    visit: GroupVisit,
    store: str,
    after: str = "",
    form: Form | None = None,
    problem: ProblemError | None = None,
) -> Response:
    """Return the screen of a store, with the form for a new key as it was sent if that won't do."""
    found = manager.stores.get(visit.id, store)
    keys, cursor = manager.secrets.page(visit.id, store, size=_PAGE_SIZE, after=after or None)
    return show(
        request,
        "store",
        status=problem.status if problem else 200,
        store=found,
        keys=keys,
        following=visit.link("config-stores", store, after=cursor) if cursor else None,
        uses=store_uses(manager, visit.id, store),
        form=form or {},
        problems=field_problems(problem) if problem else {},
    )


@router.post("/{store}/rename")
def rename_store(request: Request, manager: TheManager, visit: EditorVisit, store: str, form: PageForm) -> Response:
    """Give a store another name."""
    try:
        manager.stores.rename(visit.actor, visit.id, store, given_texts(form, "name"))
    except ProblemError as problem:
        return store_screen(request, manager, visit, store, form=form, problem=problem)
    return see_other(visit.link("config-stores", store, done="changed"))


@router.get("/{store}/delete")
def delete_screen(request: Request, manager: TheManager, visit: EditorVisit, store: str) -> Response:
    """Ask whether the store is to go."""
    found = manager.stores.get(visit.id, store)
    return show(
        request,
        "confirm",
        title=f"Delete the Config Store {found['name']}?",
        consequence="All its keys and all their versions are gone for good.",
        uses=store_uses(manager, visit.id, store),
        button="Delete the Config Store",
        cancel=visit.link("config-stores", store),
    )


@router.post("/{store}/delete")
def delete_store(manager: TheManager, visit: EditorVisit, store: str) -> Response:
    """Remove a store with its secrets."""
    manager.stores.delete(visit.actor, visit.id, store, force=True)
    return see_other(visit.link("config-stores", done="deleted"))
