"""One key of a Config Store: its versions, a new value, and its end. Keys hold any text: they travel in the query."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response
from sqlalchemy import select

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.database.models import StoreSecret
from kong_vault_py.manager.page.config_stores import store_screen
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import EditorVisit, GroupVisit, ViewerVisit
from kong_vault_py.manager.problems import ProblemError
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router("groups", "{group}", "config-stores", "{store}")


def _versions(records: Records, store_id: str, key: str) -> list[dict[str, Any]]:
    query = select(StoreSecret.version, StoreSecret.created_at, StoreSecret.is_current)
    query = query.where(StoreSecret.store_id == store_id, StoreSecret.key == key).order_by(StoreSecret.version.desc())
    with records.database.read() as session:
        return [row._asdict() for row in session.execute(query)]


@router.post("/secrets")
def add_secret(request: Request, manager: TheManager, visit: EditorVisit, store: str, form: PageForm) -> Response:
    """Make a key with its first value."""
    try:
        manager.secrets.create(visit.actor, visit.id, store, given_texts(form, "key", "value"))
    except ProblemError as problem:
        return store_screen(request, manager, visit, store, form={"key": form.get("key", "")}, problem=problem)
    return see_other(visit.link("config-stores", store, done="stored"))


@router.get("/secret")
def secret_screen(request: Request, manager: TheManager, visit: ViewerVisit, store: str, key: str) -> Response:
    """Show a key with the versions that are kept, and no value."""
    return _secret_screen(request, manager, visit, store, key)


def _secret_screen(
    request: Request, manager: Manager, visit: GroupVisit, store: str, key: str, problem: ProblemError | None = None
) -> Response:
    secret = manager.secrets.get(visit.id, store, key)
    return show(
        request,
        "secret",
        status=problem.status if problem else 200,
        store=manager.stores.get(visit.id, store),
        secret=secret,
        versions=_versions(manager.records, store, key),
        problems=field_problems(problem) if problem else {},
    )


@router.post("/secret")
def put_value(request: Request, manager: TheManager, visit: EditorVisit, store: str, form: PageForm) -> Response:
    """Give a key a new value."""
    key = _key(form)
    manager.secrets.get(visit.id, store, key)
    try:
        manager.secrets.put(visit.actor, visit.id, store, key, given_texts(form, "value"))
    except ProblemError as problem:
        return _secret_screen(request, manager, visit, store, key, problem)
    return see_other(visit.link("config-stores", store, "secret", key=key, done="stored"))


@router.get("/secret/delete")
def delete_screen(request: Request, manager: TheManager, visit: EditorVisit, store: str, key: str) -> Response:
    """Ask whether the key is to go."""
    manager.secrets.get(visit.id, store, key)
    return show(
        request,
        "confirm",
        title=f"Delete the key {key}?",
        consequence="All its versions are gone for good, and references to it stop resolving.",
        hidden={"key": key},
        button="Delete the key",
        cancel=visit.link("config-stores", store, "secret", key=key),
    )


@router.post("/secret/delete")
def delete_secret(manager: TheManager, visit: EditorVisit, store: str, form: PageForm) -> Response:
    """Remove a key with all its versions."""
    manager.secrets.delete(visit.actor, visit.id, store, _key(form))
    return see_other(visit.link("config-stores", store, done="deleted"))


def _key(form: Form) -> str:
    return form.get("key", "")
