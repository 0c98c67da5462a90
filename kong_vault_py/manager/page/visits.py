"""Who visits the page: a browser's session, the CSRF token of its forms, and the role in the path's group."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request

from kong_vault_py.manager.access.roles import Principal, Role
from kong_vault_py.manager.api.signed_in import TheManager, client_address, cookie_name
from kong_vault_py.manager.groups import find_group
from kong_vault_py.manager.page.forms import PageForm
from kong_vault_py.manager.page.links import link
from kong_vault_py.manager.problems import NotAllowedError, NotFoundError, NotSignedInError, NotVisibleError

__all__ = ["CSRF_FIELD", "AdminVisit", "EditorVisit", "GroupVisit", "SuperadminVisit", "ViewerVisit", "Visitor"]

CSRF_FIELD = "csrf_token"


def visitor(request: Request, manager: TheManager, form: PageForm) -> Principal:
    """Return whose session this is.

    Raises:
        NotSignedInError: there is none, or it is over.
        NotAllowedError: a form without the session's CSRF token.
    """
    cookie = request.cookies.get(cookie_name(manager))
    principal = manager.signing_in.by_cookie(cookie) if cookie else None
    if principal is None or principal.csrf_token is None:
        if cookie:
            manager.signing_in.refused(client_address(request), "session")
        raise NotSignedInError
    request.state.principal = principal
    if request.method == "POST":
        sent = form.get(CSRF_FIELD, "")
        if not hmac.compare_digest(sent.encode(), principal.csrf_token.encode()):
            raise NotAllowedError("this form belongs to an earlier session: go back, load the page again, and repeat")
    return principal


Visitor = Annotated[Principal, Depends(visitor)]


def superadmin(principal: Visitor) -> Principal:
    """Return the visitor, if they are a superadmin."""
    principal.require_superadmin()
    return principal


SuperadminVisit = Annotated[Principal, Depends(superadmin)]


@dataclass(frozen=True)
class GroupVisit:
    """The group of the path, and who visits it.

    Attributes:
        id: the group's.
        name: the group's.
    """

    id: str
    name: str
    principal: Principal

    @property
    def actor(self) -> str:
        """The visitor's name in the audit."""
        return self.principal.actor

    @property
    def may_edit(self) -> bool:
        """Whether to offer what changes vaults and Config Stores."""
        return (self.principal.role_in(self.id) or 0) >= Role.EDITOR

    @property
    def may_administer(self) -> bool:
        """Whether to offer what changes access, and the audit."""
        return (self.principal.role_in(self.id) or 0) >= Role.ADMIN

    def link(self, *parts: str, **query: str | int | None) -> str:
        """Return the path of one of the group's screens."""
        return link("groups", self.name, *parts, **query)


def _visit(role: Role) -> Callable[..., GroupVisit]:
    def group_visit(group: str, request: Request, manager: TheManager, principal: Visitor) -> GroupVisit:
        try:
            with manager.records.database.read() as session:
                found = find_group(session, group)
                visit = GroupVisit(found.id, found.name, principal)
        except NotFoundError:
            # As where one has no role: the answer doesn't tell the two apart.
            raise NotVisibleError from None
        principal.require(Role.VIEWER, visit.id)
        request.state.visit = visit
        principal.require(role, visit.id)
        return visit

    return group_visit


ViewerVisit = Annotated[GroupVisit, Depends(_visit(Role.VIEWER))]
EditorVisit = Annotated[GroupVisit, Depends(_visit(Role.EDITOR))]
AdminVisit = Annotated[GroupVisit, Depends(_visit(Role.ADMIN))]
