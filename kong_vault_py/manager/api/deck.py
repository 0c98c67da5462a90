"""``/groups/{group}/deck``: a group's vaults as a decK file."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Response

from kong_vault_py.manager.api.bodies import YamlBody, yaml_body
from kong_vault_py.manager.api.signed_in import EditorOf, TheManager, ViewerOf

__all__ = ["LEFT_OUT_HEADER", "router"]

router = APIRouter(prefix="/groups/{group}/deck", tags=["Import and export"])

#: Names the credentials that are stored here and not in the file.
LEFT_OUT_HEADER = "X-Credentials-Left-Out"


@router.get("", response_class=Response, responses={200: {"content": {"application/yaml": {}}}})
def export_deck(manager: TheManager, access: ViewerOf) -> Response:
    """Return all vaults as a decK file; credentials are in it as references only."""
    found = manager.deck.export(access.id)
    headers = {LEFT_OUT_HEADER: ",".join(found.left_out)} if found.left_out else None
    return Response(found.text, media_type="application/yaml", headers=headers)


@router.post("", openapi_extra=yaml_body())
def import_deck(manager: TheManager, access: EditorOf, body: YamlBody) -> dict[str, Any]:
    """Make or replace the vaults of a decK file, all or none; others of the group stay."""
    return manager.deck.load(access.actor, access.id, body)
