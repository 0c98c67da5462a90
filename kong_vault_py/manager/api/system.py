"""``/health`` and ``/metrics``: for those who run the manager."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from kong_vault_py.manager.api.signed_in import SignedInUser, TheManager

__all__ = ["router"]

router = APIRouter(tags=["System"])


@router.get("/health")
def health(manager: TheManager) -> dict[str, Any]:
    """Say that the manager and its database answer; needs no token, and tells nothing else."""
    manager.node_vaults.revision("")
    return {"status": "ok"}


@router.get("/metrics", response_class=Response, responses={200: {"content": {"text/plain": {}}}})
def metrics(request: Request, _principal: SignedInUser) -> Response:
    """Return metrics in Prometheus' format; any user's API token opens them."""
    return Response(generate_latest(request.app.state.metrics.registry), media_type=CONTENT_TYPE_LATEST)
