"""``/dataplane/v1``: what nodes call, with their own tokens."""

from __future__ import annotations

import re
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from starlette.concurrency import run_in_threadpool

from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import SignedInNode, TheManager
from kong_vault_py.manager.dataplane.revision_watch import RevisionWatch
from kong_vault_py.manager.problems import NotFoundError

__all__ = ["router"]

router = APIRouter(prefix="/dataplane/v1", tags=["Data plane"])

_MAX_WAIT_S = 60
_VERSION = re.compile(r"[1-9][0-9]{0,8}(\.0+)?")


@router.get("/vaults", responses={304: {"description": "Nothing changed."}})
async def node_vaults(
    request: Request,
    manager: TheManager,
    node: SignedInNode,
    after: Annotated[int, Query(ge=0, le=2**53)] = 0,
    wait_s: Annotated[float, Query(ge=0, le=_MAX_WAIT_S)] = 0,
) -> Response:
    """Return the group's vaults as soon as their revision is not ``after``; 304 after ``wait_s``."""
    watch: RevisionWatch = request.app.state.watch
    if not await watch.changed(node.group_id, after, wait_s):
        return Response(status_code=304)
    return Response(await run_in_threadpool(manager.node_vaults.of, node), media_type="application/json")


@router.get("/config-stores/{store}/secrets/{key:path}")
def node_secret(
    manager: TheManager, node: SignedInNode, store: str, key: str, version: str | None = None
) -> dict[str, Any]:
    """Return a secret of a Config Store with its value."""
    if version is not None and not _VERSION.fullmatch(version):
        raise NotFoundError
    return manager.node_values.get(node, store, key, None if version is None else int(float(version)))


_REPORT = {
    "node": {"type": "object"},
    "status": {"type": "object"},
    "audit": {"type": "array", "items": {"type": "object"}, "maxItems": 1000},
}


@router.post("/report", status_code=204, openapi_extra=json_body(_REPORT))
def node_report(manager: TheManager, node: SignedInNode, body: JsonBody) -> Response:
    """Take a node's state, and its resolutions for the audit."""
    manager.reports.take(node, body)
    return Response(status_code=204)
