"""``/users``: who may sign in, and their roles in groups."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import AdminOf, Superadmin, TheManager

__all__ = ["router"]

router = APIRouter(tags=["Users"])

_PASSWORD = {"type": "string", "minLength": 12, "maxLength": 1000}
_FLAG = {"type": "boolean"}


@router.get("/users")
def list_users(manager: TheManager, _principal: Superadmin) -> dict[str, Any]:
    """Return all users with their roles."""
    return {"data": manager.users.all()}


@router.post(
    "/users",
    status_code=201,
    openapi_extra=json_body(
        {"username": {"type": "string", "maxLength": 128}, "password": _PASSWORD, "superadmin": _FLAG},
        ["username", "password"],
    ),
)
def create_user(manager: TheManager, principal: Superadmin, body: JsonBody) -> dict[str, Any]:
    """Make a user."""
    return manager.users.create(principal.actor, body)


@router.get("/users/{user}")
def get_user(manager: TheManager, _principal: Superadmin, user: str) -> dict[str, Any]:
    """Return a user by id or name."""
    return manager.users.get(user)


@router.patch("/users/{user}", openapi_extra=json_body({"password": _PASSWORD, "superadmin": _FLAG, "disabled": _FLAG}))
def change_user(manager: TheManager, principal: Superadmin, user: str, body: JsonBody) -> dict[str, Any]:
    """Change a user; ends their sessions."""
    return manager.users.change(principal.actor, user, body)


@router.delete("/users/{user}", status_code=204)
def delete_user(manager: TheManager, principal: Superadmin, user: str) -> Response:
    """Remove a user."""
    manager.users.delete(principal.actor, user)
    return Response(status_code=204)


@router.put(
    "/groups/{group}/roles/{user}",
    openapi_extra=json_body({"role": {"type": "string", "enum": ["viewer", "editor", "admin"]}}, ["role"]),
)
def grant_role(manager: TheManager, access: AdminOf, user: str, body: JsonBody) -> dict[str, Any]:
    """Give a user a role in the group."""
    return manager.users.grant(access.actor, user, access.id, body)


@router.delete("/groups/{group}/roles/{user}", status_code=204)
def revoke_role(manager: TheManager, access: AdminOf, user: str) -> Response:
    """Take a user's role in the group away."""
    manager.users.revoke(access.actor, user, access.id)
    return Response(status_code=204)
