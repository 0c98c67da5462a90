"""``/groups/{group}/policies``: which node and plugin may resolve what."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import AdminOf, TheManager, ViewerOf

__all__ = ["router"]

router = APIRouter(prefix="/groups/{group}/policies", tags=["Policies"])

_TEXT = {"type": "string", "maxLength": 255}
_POLICY = {
    "effect": {"type": "string", "enum": ["allow", "deny"]},
    "prefix": _TEXT,
    "node": _TEXT,
    "plugin": _TEXT,
    "resource": {"type": "string", "maxLength": 1024},
}


@router.get("")
def list_policies(manager: TheManager, access: ViewerOf) -> dict[str, Any]:
    """Return the group's policies."""
    return {"data": manager.policies.all(access.id)}


@router.post("", status_code=201, openapi_extra=json_body(_POLICY, ["effect", "prefix"]))
def create_policy(manager: TheManager, access: AdminOf, body: JsonBody) -> dict[str, Any]:
    """Add a policy; what is left out is ``*``."""
    return manager.policies.create(access.actor, access.id, body)


@router.delete("/{policy_id}", status_code=204)
def delete_policy(manager: TheManager, access: AdminOf, policy_id: str) -> Response:
    """Remove a policy."""
    manager.policies.delete(access.actor, access.id, policy_id)
    return Response(status_code=204)
