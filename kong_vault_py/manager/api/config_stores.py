"""``/v2/control-planes/{group}/config-stores``: Config Stores, as Konnect's API has them. Values only go in."""

from __future__ import annotations

from typing import Annotated, Any
from urllib.parse import quote

from fastapi import APIRouter, Query, Request, Response

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import EditorOf, TheManager, ViewerOf

__all__ = ["router"]

router = APIRouter(prefix="/v2/control-planes/{group}/config-stores", tags=["Config Stores (Konnect's API)"])

_NAME = {"type": "string", "maxLength": 255}
_KEY = {"type": "string", "minLength": 1, "maxLength": 512}
_VALUE = {"type": "string", "minLength": 1, "maxLength": 5120}
PageSize = Annotated[int, Query(alias="page[size]", ge=1, le=1000)]
PageAfter = Annotated[str | None, Query(alias="page[after]")]


@router.get("")
def list_stores(
    request: Request, manager: TheManager, access: ViewerOf, size: PageSize = 100, after: PageAfter = None
) -> dict[str, Any]:
    """Return a page of stores."""
    data, cursor = manager.stores.page(access.id, size=size, after=after)
    return _page(request, data, cursor, size)


@router.post("", status_code=201, openapi_extra=json_body({"name": _NAME}))
def create_store(manager: TheManager, access: EditorOf, body: JsonBody) -> dict[str, Any]:
    """Make a store."""
    return manager.stores.create(access.actor, access.id, body)


@router.get("/{store}")
def get_store(manager: TheManager, access: ViewerOf, store: str) -> dict[str, Any]:
    """Return a store."""
    return manager.stores.get(access.id, store)


@router.put("/{store}", openapi_extra=json_body({"name": _NAME}, ["name"]))
def rename_store(manager: TheManager, access: EditorOf, store: str, body: JsonBody) -> dict[str, Any]:
    """Rename a store."""
    return manager.stores.rename(access.actor, access.id, store, body)


@router.delete("/{store}", status_code=204)
def delete_store(manager: TheManager, access: EditorOf, store: str, force: bool = False) -> Response:
    """Remove a store; ``force`` also removes the secrets in it."""
    manager.stores.delete(access.actor, access.id, store, force=force)
    return Response(status_code=204)


@router.get("/{store}/secrets")
def list_secrets(
    request: Request, manager: TheManager, access: ViewerOf, store: str, size: PageSize = 100, after: PageAfter = None
) -> dict[str, Any]:
    """Return a page of a store's secrets, without values."""
    data, cursor = manager.secrets.page(access.id, store, size=size, after=after)
    return _page(request, data, cursor, size)


@router.post(
    "/{store}/secrets", status_code=201, openapi_extra=json_body({"key": _KEY, "value": _VALUE}, ["key", "value"])
)
def create_secret(manager: TheManager, access: EditorOf, store: str, body: JsonBody) -> dict[str, Any]:
    """Make a secret."""
    return manager.secrets.create(access.actor, access.id, store, body)


@router.get("/{store}/secrets/{key:path}")
def get_secret(manager: TheManager, access: ViewerOf, store: str, key: str) -> dict[str, Any]:
    """Return what is known of a secret, without its value."""
    return manager.secrets.get(access.id, store, key)


@router.put("/{store}/secrets/{key:path}", openapi_extra=json_body({"value": _VALUE}, ["value"]))
def put_secret(manager: TheManager, access: EditorOf, store: str, key: str, body: JsonBody) -> dict[str, Any]:
    """Give a secret a new value; the old one stays as a version."""
    return manager.secrets.put(access.actor, access.id, store, key, body)


@router.delete("/{store}/secrets/{key:path}", status_code=204)
def delete_secret(manager: TheManager, access: EditorOf, store: str, key: str) -> Response:
    """Remove a secret with all its versions."""
    manager.secrets.delete(access.actor, access.id, store, key)
    return Response(status_code=204)


def _page(request: Request, data: list[dict[str, Any]], cursor: str | None, size: int) -> dict[str, Any]:
    after = f"{request.url.path}?page[size]={size}&page[after]={quote(cursor, safe='')}" if cursor else None
    return {"data": data, "meta": {"page": {"size": size, "next": after, "previous": None}}}
