"""``/groups/{group}/nodes`` and ``/node-tokens``: data plane nodes."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import AdminOf, TheManager, ViewerOf

__all__ = ["router"]

router = APIRouter(prefix="/groups/{group}", tags=["Nodes"])


@router.get("/nodes")
def list_nodes(manager: TheManager, access: ViewerOf) -> dict[str, Any]:
    """Return what the group's nodes reported last."""
    return {"data": manager.nodes.all(access.id)}


@router.get("/node-tokens")
def list_node_tokens(manager: TheManager, access: AdminOf) -> dict[str, Any]:
    """Return which tokens there are, without the tokens."""
    return {"data": manager.nodes.tokens(access.id)}


@router.post("/node-tokens", status_code=201, openapi_extra=json_body({"node": {"type": "string"}}, ["node"]))
def create_node_token(manager: TheManager, access: AdminOf, body: JsonBody) -> dict[str, Any]:
    """Make a token for a node; it is seen in this answer only."""
    return manager.nodes.create_token(access.actor, access.id, body)


@router.delete("/node-tokens/{token_id}", status_code=204)
def delete_node_token(manager: TheManager, access: AdminOf, token_id: str) -> Response:
    """Remove a node's token."""
    manager.nodes.delete_token(access.actor, access.id, token_id)
    return Response(status_code=204)
