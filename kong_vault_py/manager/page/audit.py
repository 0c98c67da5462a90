"""The audit of a group, or of all for superadmins, with filters and an export of what they let through."""

from __future__ import annotations

from datetime import datetime, timezone
from urllib.parse import urlencode

from fastapi import Request, Response

from kong_vault_py.manager.api.signed_in import TheManager
from kong_vault_py.manager.audit.search import AuditFilter, audit_page
from kong_vault_py.manager.page.links import link
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import AdminVisit, GroupVisit, SuperadminVisit
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router()

_PAGE_SIZE = 50
_TEXTS = ("actor", "action", "target", "outcome")
_TIMES = ("since", "until")
_MAX_SEQ = 2**53


@router.get("/groups/{group}/audit")
def group_audit(request: Request, manager: TheManager, visit: AdminVisit) -> Response:
    """Show what was done in a group."""
    return _screen(request, manager, visit)


@router.get("/audit")
def whole_audit(request: Request, manager: TheManager, _principal: SuperadminVisit) -> Response:
    """Show what was done anywhere."""
    return _screen(request, manager, None)


def _screen(request: Request, manager: Manager, visit: GroupVisit | None) -> Response:
    given = {name: request.query_params.get(name, "").strip() for name in (*_TEXTS, *_TIMES)}
    actor, action, target, outcome = (given[name] or None for name in _TEXTS)
    since, until = times = [_seconds(given[name]) for name in _TIMES]
    wanted = AuditFilter((visit.id,) if visit else None, actor, action, target, outcome, since, until)
    with manager.records.database.read() as session:
        entries = audit_page(session, wanted, before=_before(request), size=_PAGE_SIZE + 1)
    wrong = [name for name, seconds in zip(_TIMES, times, strict=True) if given[name] and seconds is None]
    following = None
    if len(entries) > _PAGE_SIZE:
        query = {**given, "before": entries[_PAGE_SIZE - 1]["seq"]}
        following = visit.link("audit", **query) if visit else link("audit", **query)
    return show(
        request,
        "audit",
        status=400 if wrong else 200,
        given=given,
        problems=dict.fromkeys(wrong, "expected a time like 2026-01-31T08:00"),
        entries=entries[:_PAGE_SIZE],
        following=following,
        export=_export(wanted, visit),
        group_names={} if visit else {group["id"]: group["name"] for group in manager.groups.all()},
    )


def _export(wanted: AuditFilter, visit: GroupVisit | None) -> str:
    """Return the API's path that gives all these entries as JSON lines."""
    asked = {"group": visit.name if visit else None, **{name: getattr(wanted, name) for name in (*_TEXTS, *_TIMES)}}
    return f"/audit/export?{urlencode({name: value for name, value in asked.items() if value is not None})}"


def _seconds(text: str) -> int | None:
    try:
        given = datetime.fromisoformat(text)
        return max(0, int((given if given.tzinfo else given.replace(tzinfo=timezone.utc)).timestamp()))
    except (ValueError, OverflowError):
        return None


def _before(request: Request) -> int | None:
    text = request.query_params.get("before", "")
    return min(int(text), _MAX_SEQ) if text.isascii() and text.isdigit() and len(text) < 20 else None
