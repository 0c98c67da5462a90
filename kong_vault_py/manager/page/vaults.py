"""The overview of a group's vaults, and one vault: seen, copied as JSON, and asked whether it answers."""

from __future__ import annotations

import json
from typing import Any

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.connection_check import Asked, ask_vault, missing_for_test
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.strategies import strategy_title
from kong_vault_py.manager.page.vault_search import search_vaults
from kong_vault_py.manager.page.visits import EditorVisit, GroupVisit, ViewerVisit
from kong_vault_py.manager.service import Manager
from kong_vault_py.secret import MASK

__all__ = ["router"]

router = page_router("groups", "{group}", "vaults")

_ENTITY = ("id", "name", "prefix", "description", "config", "tags")


def entity_json(vault: dict[str, Any]) -> str:
    """Return a vault as Kong's Admin API takes it, without what is unset; credentials are masked."""
    entity = {name: vault[name] for name in _ENTITY if vault[name] is not None}
    entity["config"] = {name: value for name, value in vault["config"].items() if value is not None}
    return json.dumps(entity, indent=2, ensure_ascii=False)


@router.get("")
def overview(
    request: Request, manager: TheManager, visit: ViewerVisit, prefix: str = "", tag: str = "", after: str = ""
) -> Response:
    """Show a page of the group's vaults."""
    found = search_vaults(manager.records, visit.id, prefix=prefix, tag=tag, after=after)
    rows = [(vault, entity_json(vault), strategy_title(vault["name"])) for vault in found.vaults]
    following = visit.link("vaults", prefix=prefix, tag=tag, after=found.more_after) if found.more_after else None
    return show(request, "vaults", rows=rows, prefix=prefix, tag=tag, after=after, following=following)


@router.get("/{vault}")
def vault_screen(request: Request, manager: TheManager, visit: ViewerVisit, vault: str) -> Response:
    """Show one vault."""
    return _vault_screen(request, visit, manager.vaults.get(visit.id, vault))


@router.get("/{vault}/json")
def vault_json(manager: TheManager, visit: ViewerVisit, vault: str) -> Response:
    """Return a vault as JSON text."""
    return Response(entity_json(manager.vaults.get(visit.id, vault)), media_type="application/json")


@router.post("/{vault}/check")
def check_vault(request: Request, manager: TheManager, visit: EditorVisit, vault: str) -> Response:
    """Ask a vault whether it answers."""
    found = manager.vaults.get(visit.id, vault)
    return _vault_screen(request, visit, found, _tested(manager, visit, found))


def _tested(manager: Manager, visit: GroupVisit, vault: dict[str, Any]) -> Asked:
    return ask_vault(manager.records, visit.actor, visit.id, vault["id"])


def _vault_screen(request: Request, visit: GroupVisit, vault: dict[str, Any], tested: Asked | None = None) -> Response:
    return show(
        request,
        "vault",
        vault=vault,
        title=strategy_title(vault["name"]),
        config=[(name, value, value == MASK) for name, value in vault["config"].items() if value is not None],
        json=entity_json(vault),
        untestable=missing_for_test(vault["name"], vault["config"]) if visit.may_edit else None,
        tested=tested,
    )
