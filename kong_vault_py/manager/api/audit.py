"""``/audit``: who did what, for those who are admins of the group that it was done in."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query
from starlette.responses import StreamingResponse

from kong_vault_py.manager.access.roles import Role
from kong_vault_py.manager.api.signed_in import SignedInUser, TheManager
from kong_vault_py.manager.audit.search import AuditFilter, audit_page, exported
from kong_vault_py.manager.groups import find_group
from kong_vault_py.manager.problems import NotAllowedError

__all__ = ["router"]

router = APIRouter(prefix="/audit", tags=["Audit"])

_MAX_TIME = 2**53
_Time = Annotated[int | None, Query(ge=0, le=_MAX_TIME)]


def wanted_entries(
    manager: TheManager,
    principal: SignedInUser,
    group: str | None = None,
    actor: str | None = None,
    action: str | None = None,
    target: str | None = None,
    outcome: str | None = None,
    since: _Time = None,
    until: _Time = None,
) -> AuditFilter:
    """Return the filter, narrowed to what the caller may see."""
    wanted = AuditFilter(None, actor, action, target, outcome, since, until)
    if group is not None:
        with manager.records.database.read() as session:
            group_id = find_group(session, group).id
        principal.require(Role.ADMIN, group_id)
        return replace(wanted, group_ids=(group_id,))
    if principal.superadmin:
        return wanted
    admin_of = tuple(group_id for group_id, role in principal.roles.items() if role is Role.ADMIN)
    if not admin_of:
        raise NotAllowedError("the audit needs the role admin in a group")
    return replace(wanted, group_ids=admin_of)


Wanted = Annotated[AuditFilter, Depends(wanted_entries)]


@router.get("")
def list_audit(
    manager: TheManager,
    wanted: Wanted,
    size: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[int | None, Query(ge=0, le=_MAX_TIME)] = None,
) -> dict[str, Any]:
    """Return a page of entries, the newest first; ``next`` is the ``before`` of the next page."""
    with manager.records.database.read() as session:
        entries = audit_page(session, wanted, before=before, size=size)
    return {"data": entries, "next": entries[-1]["seq"] if len(entries) == size else None}


@router.get("/export", response_class=StreamingResponse, responses={200: {"content": {"application/x-ndjson": {}}}})
def export_audit(manager: TheManager, wanted: Wanted) -> StreamingResponse:
    """Return all entries as JSON lines, the oldest first."""
    return StreamingResponse(exported(manager.records.database, wanted), media_type="application/x-ndjson")
