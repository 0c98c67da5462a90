"""``/groups``: runtime groups."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import AdminOf, SignedInUser, Superadmin, TheManager, ViewerOf

__all__ = ["router"]

router = APIRouter(prefix="/groups", tags=["Groups"])

_GROUP = {"name": {"type": "string", "maxLength": 128}, "description": {"type": ["string", "null"], "maxLength": 2000}}


@router.get("")
def list_groups(manager: TheManager, principal: SignedInUser) -> dict[str, Any]:
    """Return the groups that the caller has a role in."""
    return {"data": manager.groups.all(principal.visible_groups)}


@router.post("", status_code=201, openapi_extra=json_body(_GROUP, ["name"]))
def create_group(manager: TheManager, principal: Superadmin, body: JsonBody) -> dict[str, Any]:
    """Make a group."""
    return manager.groups.create(principal.actor, body)


@router.get("/{group}")
def get_group(manager: TheManager, access: ViewerOf) -> dict[str, Any]:
    """Return a group by id or name."""
    return manager.groups.get(access.id)


@router.patch("/{group}", openapi_extra=json_body(_GROUP))
def change_group(manager: TheManager, access: AdminOf, body: JsonBody) -> dict[str, Any]:
    """Rename or describe a group."""
    return manager.groups.change(access.actor, access.id, body)


@router.delete("/{group}", status_code=204)
def delete_group(manager: TheManager, access: AdminOf) -> Response:
    """Remove a group that is empty."""
    access.principal.require_superadmin()
    manager.groups.delete(access.actor, access.id)
    return Response(status_code=204)
