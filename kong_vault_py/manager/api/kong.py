"""What Kong's own clients ask for besides vaults: the node's root and status, and collections that are empty here."""

from __future__ import annotations

import platform
from typing import Any

from fastapi import APIRouter

from kong_vault_py import __version__
from kong_vault_py.manager.api.signed_in import TheManager, ViewerOf
from kong_vault_py.manager.problems import NotFoundError

__all__ = ["router"]

router = APIRouter(prefix="/groups/{group}", tags=["Vaults (Kong's Admin API)"])

#: Whose Admin API this part is shaped as; decK asks.
KONG_VERSION = "3.9.1"
_EMPTY_HERE = frozenset(
    {
        "acls", "basic-auths", "ca_certificates", "certificates", "consumers", "filter-chains", "hmac-auths", "jwts",
        "key-auths", "key-sets", "keys", "oauth2", "plugins", "routes", "services", "snis", "upstreams",
    }
)  # fmt: skip


@router.get("/")
def root(manager: TheManager, access: ViewerOf) -> dict[str, Any]:
    """Return what Kong's clients need to know of a node."""
    return {
        "version": KONG_VERSION,
        "edition": "community",
        "tagline": f"kong-vault manager {__version__}",
        "hostname": platform.node(),
        "node_id": access.id,
        "plugins": {"available_on_server": {}, "enabled_in_cluster": []},
        "configuration": {"database": "off" if manager.records.database.is_sqlite else "postgres"},
    }


@router.get("/status")
def status(manager: TheManager, access: ViewerOf) -> dict[str, Any]:
    """Return whether the database answers."""
    revision = manager.node_vaults.revision(access.id)
    return {"database": {"reachable": True}, "revision": revision}


@router.get("/{collection}")
def empty_collection(_access: ViewerOf, collection: str) -> dict[str, Any]:
    """Return an empty page for the other entities of a gateway, which are not kept here."""
    if collection not in _EMPTY_HERE:
        raise NotFoundError
    return {"data": [], "next": None}
