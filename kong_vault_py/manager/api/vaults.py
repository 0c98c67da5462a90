"""``/groups/{group}/vaults``: vault entities, as Kong's Admin API has them (``kong/api/endpoints.lua``)."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from fastapi import APIRouter, Response
from starlette.responses import JSONResponse

from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.api.bodies import json_body
from kong_vault_py.manager.api.signed_in import EditorOf, TheManager, ViewerOf
from kong_vault_py.manager.api.vault_forms import VaultBody, typed_vault
from kong_vault_py.manager.problems import NotFoundError
from kong_vault_py.manager.vaults.checking import check_vault
from kong_vault_py.manager.vaults.schema import vault_schema

__all__ = ["router"]

router = APIRouter(prefix="/groups/{group}", tags=["Vaults (Kong's Admin API)"])

_VAULT = {
    "name": {"type": "string", "description": "The strategy"},
    "prefix": {"type": "string", "pattern": "^[a-z][a-z0-9-]*[a-z0-9]$"},
    "description": {"type": ["string", "null"], "maxLength": 2000},
    "config": {"type": "object", "additionalProperties": True},
    "tags": {"type": "array", "items": {"type": "string", "maxLength": 255}},
}


@router.get("/vaults")
def list_vaults(
    manager: TheManager,
    access: ViewerOf,
    size: str | None = None,
    offset: str | None = None,
    tags: str | None = None,
) -> Response:
    """Return a page of vaults; ``tags`` filters: ``a,b`` for both, ``a/b`` for either."""
    data, next_offset = manager.vaults.page(access.id, size=size, offset=offset, tags=tags)
    page: dict[str, Any] = {"data": data, "next": None}
    if next_offset is not None:
        given = {"offset": next_offset, "tags": tags, "size": size}
        query = "&".join(f"{name}={quote(value, safe='')}" for name, value in given.items() if value is not None)
        page |= {"offset": next_offset, "next": f"/vaults?{query}"}
    return JSONResponse(page)


@router.post("/vaults", status_code=201, openapi_extra=json_body(_VAULT, ["name", "prefix"]))
def create_vault(manager: TheManager, access: EditorOf, body: VaultBody) -> Response:
    """Make a vault."""
    return JSONResponse(manager.vaults.create(access.actor, access.id, typed_vault(body)), 201)


@router.get("/vaults/{vault}")
def get_vault(manager: TheManager, access: ViewerOf, vault: str) -> Response:
    """Return a vault by id or prefix; credentials are masked."""
    return JSONResponse(manager.vaults.get(access.id, vault))


@router.put("/vaults/{vault}", openapi_extra=json_body(_VAULT, ["name"]))
def put_vault(manager: TheManager, access: EditorOf, vault: str, body: VaultBody) -> Response:
    """Make a vault, or replace the one with this id or prefix; a masked credential stays as it is."""
    return JSONResponse(manager.vaults.put(access.actor, access.id, vault, typed_vault(body)))


@router.patch("/vaults/{vault}", openapi_extra=json_body(_VAULT))
def patch_vault(manager: TheManager, access: EditorOf, vault: str, body: VaultBody) -> Response:
    """Change some fields of a vault, or some options of its config."""
    changes = typed_vault(body, lambda: str(manager.vaults.get(access.id, vault)["name"]))
    return JSONResponse(manager.vaults.patch(access.actor, access.id, vault, changes))


@router.delete("/vaults/{vault}", status_code=204)
def delete_vault(manager: TheManager, access: EditorOf, vault: str) -> Response:
    """Remove a vault."""
    manager.vaults.delete(access.actor, access.id, vault)
    return Response(status_code=204)


@router.post("/schemas/vaults/validate", openapi_extra=json_body(_VAULT, ["name", "prefix"]))
def validate_vault(_access: ViewerOf, body: VaultBody) -> dict[str, Any]:
    """Say whether a vault would do, without making it."""
    check_vault(typed_vault(body))
    return {"message": "schema validation successful"}


@router.get("/schemas/vaults/{name}")
def get_vault_schema(_access: ViewerOf, name: str) -> Response:
    """Return the schema of a strategy's config."""
    try:
        return JSONResponse(vault_schema(name))
    except ConfigError:
        raise NotFoundError(f"No vault named '{name}'") from None
