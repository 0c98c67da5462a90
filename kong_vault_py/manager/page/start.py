"""The page's beginning, its two static files, and an answer to every other path."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from starlette.responses import FileResponse

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.page.links import ROOT, link, see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import FOLDER
from kong_vault_py.manager.page.visits import Visitor
from kong_vault_py.manager.problems import NotFoundError

__all__ = ["root", "router"]

root = APIRouter(include_in_schema=False)
router = page_router()

_STATIC = {"page.css": "text/css; charset=utf-8", "page.js": "text/javascript; charset=utf-8"}
# Their addresses hold a digest of their content.
_KEEP = {"Cache-Control": "public, max-age=31536000, immutable"}


@root.get("/")
def host_root() -> Response:
    """Send whoever opens the manager's address to the page."""
    return see_other(ROOT)


@router.get("")
def start(manager: TheManager, principal: Visitor) -> Response:
    """Send a visitor to their group's vaults, or to the choice of groups."""
    groups = manager.groups.all(principal.visible_groups)
    return see_other(link("groups", groups[0]["name"], "vaults") if len(groups) == 1 else link("groups"))


@router.get("/static/{name}")
def static(name: str) -> Response:
    """Return the style or the script."""
    if name not in _STATIC:
        raise NotFoundError
    return FileResponse(FOLDER / "static" / name, media_type=_STATIC[name], headers=_KEEP)


@router.get("/{path:path}")
def nothing_here(request: Request, path: str, _principal: Visitor) -> Response:
    """Say that there is no such screen."""
    if path == "":
        return see_other(ROOT)
    raise NotFoundError(f"Nothing is at {request.url.path}")
