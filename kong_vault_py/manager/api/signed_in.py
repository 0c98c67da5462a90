"""Who is asking: an API token, a browser's session, or a node's token; and with which role in the path's group."""

from __future__ import annotations

import hmac
from collections.abc import Callable
from typing import Annotated, NamedTuple

from fastapi import Depends, Request, Security
from fastapi.security import APIKeyCookie, APIKeyHeader, HTTPAuthorizationCredentials, HTTPBearer

from kong_vault_py.manager.access.nodes import NodeIdentity
from kong_vault_py.manager.access.roles import Principal, Role
from kong_vault_py.manager.clean_text import is_clean
from kong_vault_py.manager.groups import find_group
from kong_vault_py.manager.problems import NotAllowedError, NotFoundError, NotSignedInError, NotVisibleError
from kong_vault_py.manager.service import Manager

__all__ = [
    "CSRF_HEADER",
    "AdminOf",
    "EditorOf",
    "GroupAccess",
    "SignedInNode",
    "SignedInUser",
    "Superadmin",
    "TheManager",
    "ViewerOf",
    "client_address",
    "cookie_name",
]

CSRF_HEADER = "X-CSRF-Token"
_SAFE_METHODS = {"GET", "HEAD", "OPTIONS"}

_bearer = HTTPBearer(auto_error=False, scheme_name="ApiToken", description="A user's API token")
_kong_token = APIKeyHeader(name="Kong-Admin-Token", auto_error=False, scheme_name="KongAdminToken")
_cookie = APIKeyCookie(name="kong-vault-session", auto_error=False, scheme_name="Session")
_node_bearer = HTTPBearer(auto_error=False, scheme_name="NodeToken", description="A data plane node's token")


def the_manager(request: Request) -> Manager:
    """Return the application's manager."""
    manager: Manager = request.app.state.manager
    return manager


TheManager = Annotated[Manager, Depends(the_manager)]


def cookie_name(manager: Manager) -> str:
    """Return the session cookie's name: with TLS one that a browser takes from this host over TLS only."""
    return "__Host-kong-vault-session" if manager.settings.https else "kong-vault-session"


def client_address(request: Request) -> str:
    """Return the address that the request came from."""
    return request.client.host if request.client else "unknown"


def signed_in_user(
    request: Request,
    manager: TheManager,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    kong_token: Annotated[str | None, Security(_kong_token)],
    _session: Annotated[str | None, Security(_cookie)],
) -> Principal:
    """Return the user who is asking.

    Raises:
        NotSignedInError: no token and no session, or none that is valid.
        NotAllowedError: a change by a session without its CSRF token.
    """
    token = bearer.credentials if bearer else kong_token
    cookie = request.cookies.get(cookie_name(manager))
    if token is not None:
        principal = manager.signing_in.by_token(token)
    else:
        principal = manager.signing_in.by_cookie(cookie) if cookie else None
    if principal is None:
        if token is not None or cookie:
            manager.signing_in.refused(client_address(request), "API token" if token is not None else "session")
        raise NotSignedInError
    request.state.principal = principal
    if principal.csrf_token is not None and request.method not in _SAFE_METHODS:
        sent = request.headers.get(CSRF_HEADER, "")
        if not hmac.compare_digest(sent.encode(), principal.csrf_token.encode()):
            raise NotAllowedError(f"a change by a session needs its CSRF token in the header {CSRF_HEADER}")
    return principal


SignedInUser = Annotated[Principal, Depends(signed_in_user)]


def superadmin(principal: SignedInUser) -> Principal:
    """Return the user who is asking, if they are a superadmin."""
    principal.require_superadmin()
    return principal


Superadmin = Annotated[Principal, Depends(superadmin)]


class GroupAccess(NamedTuple):
    """The group of the path, and who is asking: with the role that the route needs."""

    id: str
    principal: Principal

    @property
    def actor(self) -> str:
        """The name in the audit."""
        return self.principal.actor


def _access(role: Role) -> Callable[..., GroupAccess]:
    def group_access(group: str, manager: TheManager, principal: SignedInUser) -> GroupAccess:
        try:
            with manager.records.database.read() as session:
                group_id = find_group(session, group).id
        except NotFoundError:
            # As where one has no role: the answer doesn't tell the two apart.
            raise NotVisibleError from None
        principal.require(role, group_id)
        return GroupAccess(group_id, principal)

    return group_access


ViewerOf = Annotated[GroupAccess, Depends(_access(Role.VIEWER))]
EditorOf = Annotated[GroupAccess, Depends(_access(Role.EDITOR))]
AdminOf = Annotated[GroupAccess, Depends(_access(Role.ADMIN))]


def signed_in_node(
    request: Request,
    manager: TheManager,
    bearer: Annotated[HTTPAuthorizationCredentials | None, Security(_node_bearer)],
) -> NodeIdentity:
    """Return the node that is asking.

    Raises:
        NotSignedInError: no token, or none that is valid.
    """
    node = manager.nodes.by_token(bearer.credentials) if bearer and is_clean(bearer.credentials) else None
    if node is None:
        if bearer:
            manager.signing_in.refused(client_address(request), "node token")
        raise NotSignedInError
    return node


SignedInNode = Annotated[NodeIdentity, Depends(signed_in_node)]
