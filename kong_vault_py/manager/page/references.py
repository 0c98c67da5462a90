"""The reference builder, and its other way round: what a reference says."""

from __future__ import annotations

from fastapi import Request, Response

from kong_vault_py.errors import InvalidReferenceError
from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.forms import Form, PageForm
from kong_vault_py.manager.page.reference_text import write_reference
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.vault_search import prefixes
from kong_vault_py.manager.page.visits import GroupVisit, ViewerVisit
from kong_vault_py.manager.service import Manager
from kong_vault_py.reference import Reference, parse_reference
from kong_vault_py.strategies.registry import strategy_names
from kong_vault_py.surprises import surprises

__all__ = ["router"]

router = page_router("groups", "{group}", "references")

_FIELDS = ("vault", "resource", "key", "version")
_MAX_CHARS = 4096


@router.get("")
def references_screen(request: Request, manager: TheManager, visit: ViewerVisit) -> Response:
    """Show both forms, the first filled in from the address: a link to it can be kept."""
    given = {name: request.query_params.get(name, "")[:_MAX_CHARS] for name in _FIELDS}
    built, problem = "", ""
    if given["vault"] or given["resource"]:
        try:
            built = write_reference(given["vault"], given["resource"], given["key"], given["version"])
        except InvalidReferenceError as error:
            problem = str(error)
    return _screen(request, manager, visit, given=given, built=built, builder_problem=problem)


@router.post("")
def parse_screen(request: Request, manager: TheManager, visit: ViewerVisit, form: PageForm) -> Response:
    """Take a reference apart. A form's body: a reference's query may hold a credential, an address is kept."""
    text = form.get("reference", "").strip()[:_MAX_CHARS]
    if text.startswith("vault://"):
        text = f"{{{text}}}"
    try:
        parsed, problem = parse_reference(text), ""
    except InvalidReferenceError as error:
        parsed, problem = None, str(error)
    return _screen(request, manager, visit, text=text, parsed=parsed, parser_problem=problem)


def _screen(
    request: Request,
    manager: Manager,
    visit: GroupVisit,
    *,
    given: Form | None = None,
    built: str = "",
    builder_problem: str = "",
    text: str = "",
    parsed: Reference | None = None,
    parser_problem: str = "",
) -> Response:
    known = prefixes(manager.records, visit.id)
    names = {*known, *strategy_names()}
    used = (given or {}).get("vault", "") if built else parsed.name if parsed else ""
    told = surprises(built or text) if built or parsed else []
    if used and used not in names and len(known) < len(names):
        told.insert(0, f"this runtime group has no vault with the prefix '{used}'.")
    return show(
        request,
        "references",
        status=400 if builder_problem or parser_problem else 200,
        given=given or dict.fromkeys(_FIELDS, ""),
        known=sorted(names),
        built=built,
        builder_problem=builder_problem,
        given_text=text,
        parsed=parsed,
        parser_problem=parser_problem,
        surprises=told,
    )
