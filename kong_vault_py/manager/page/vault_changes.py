"""Adding, editing and deleting a vault."""

from __future__ import annotations

from typing import Any

from fastapi import Request, Response

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems
from kong_vault_py.manager.page.links import see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.strategies import kinds, strategy_title
from kong_vault_py.manager.page.vault_form import form_sections, given_config, given_tags
from kong_vault_py.manager.page.vault_uses import vault_uses
from kong_vault_py.manager.page.visits import EditorVisit
from kong_vault_py.manager.problems import NotFoundError, ProblemError
from kong_vault_py.options import Option, options_of
from kong_vault_py.strategies.registry import load_strategy

__all__ = ["router"]

router = page_router("groups", "{group}", "vaults")

_NEW: dict[str, Any] = {"prefix": "", "description": None, "tags": None, "config": {}, "updated_at": ""}
_CHANGED_MEANWHILE = "somebody changed this vault while you did: look at it again before you save"


def _options(strategy: str) -> list[Option]:
    try:
        return list(options_of(load_strategy(strategy).config_class))
    except ConfigError as error:
        raise NotFoundError(str(error)) from None


def _given(form: Form, strategy: str, options: list[Option], stored: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": strategy,
        "prefix": form.get("prefix", "").strip(),
        "description": form.get("description") or None,
        "tags": given_tags(form.get("tags", "")),
        "config": given_config(options, form, stored),
    }


def _form_screen(
    request: Request,
    strategy: str,
    options: list[Option],
    vault: dict[str, Any],
    form: Form | None = None,
    problem: ProblemError | None = None,
) -> Response:
    problems = field_problems(problem) if problem else {}
    shown = {name: vault[name] or "" for name in ("prefix", "description", "updated_at")}
    shown["tags"] = ", ".join(vault["tags"] or ())
    sections = form_sections(options, vault["config"], form, problems)
    return show(
        request,
        "vault_form",
        status=problem.status if problem else 200,
        vault=vault if "id" in vault else None,
        strategy=strategy,
        title=strategy_title(strategy),
        given=form if form is not None else shown,
        sections=sections,
        problems=problems,
        places={field.name: field.option.name for section in sections for field in section.fields},
    )


@router.get("/new")
def new_screen(request: Request, _visit: EditorVisit, strategy: str = "") -> Response:
    """Show the kinds of vault, or the form of the chosen one."""
    if not strategy:
        return show(request, "vault_kinds", kinds=kinds())
    return _form_screen(request, strategy, _options(strategy), _NEW)


@router.post("/new")
def add_vault(request: Request, manager: TheManager, visit: EditorVisit, form: PageForm, strategy: str) -> Response:
    """Make a vault."""
    options = _options(strategy)
    try:
        made = manager.vaults.create(visit.actor, visit.id, _given(form, strategy, options, {}))
    except ProblemError as problem:
        return _form_screen(request, strategy, options, _NEW, form, problem)
    return see_other(visit.link("vaults", made["id"], done="added"))


@router.get("/{vault}/edit")
def edit_screen(request: Request, manager: TheManager, visit: EditorVisit, vault: str) -> Response:
    """Show a vault's form."""
    found = manager.vaults.get(visit.id, vault)
    return _form_screen(request, found["name"], _options(found["name"]), found)


@router.post("/{vault}/edit")
def change_vault(request: Request, manager: TheManager, visit: EditorVisit, form: PageForm, vault: str) -> Response:
    """Save a vault's form."""
    found = manager.vaults.get(visit.id, vault)
    options = _options(found["name"])
    try:
        if form.get("updated_at") != str(found["updated_at"]):
            raise ProblemError(_CHANGED_MEANWHILE)
        given = _given(form, found["name"], options, found["config"])
        manager.vaults.put(visit.actor, visit.id, found["id"], given)
    except ProblemError as problem:
        return _form_screen(request, found["name"], options, found, form, problem)
    return see_other(visit.link("vaults", found["id"], done="changed"))


@router.get("/{vault}/delete")
def delete_screen(request: Request, manager: TheManager, visit: EditorVisit, vault: str) -> Response:
    """Ask whether the vault is to go, and tell what is known to use it."""
    found = manager.vaults.get(visit.id, vault)
    return show(
        request,
        "confirm",
        title=f"Delete the vault {found['prefix']}?",
        consequence="References to it stop resolving on every node of this runtime group, and its credentials are gone "
        "for good. The secrets in the vault itself stay.",
        uses=vault_uses(manager, visit.id, found["prefix"]),
        button="Delete the vault",
        cancel=visit.link("vaults", found["id"]),
    )


@router.post("/{vault}/delete")
def delete_vault(manager: TheManager, visit: EditorVisit, vault: str) -> Response:
    """Remove a vault."""
    manager.vaults.delete(visit.actor, visit.id, manager.vaults.get(visit.id, vault)["id"])
    return see_other(visit.link("vaults", done="deleted"))
