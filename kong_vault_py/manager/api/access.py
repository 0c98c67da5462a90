"""``/auth``: signing in and out, the first administrator, and one's own API tokens."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request, Response
from starlette.responses import JSONResponse

from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.api.bodies import JsonBody, json_body
from kong_vault_py.manager.api.signed_in import SignedInUser, TheManager, client_address, cookie_name
from kong_vault_py.manager.problems import SchemaViolationError
from kong_vault_py.manager.service import Manager

__all__ = ["clear_session_cookie", "router", "set_session_cookie"]

router = APIRouter(prefix="/auth", tags=["Signing in"])

_TEXT = {"type": "string", "maxLength": 1000}


@router.post("/login", openapi_extra=json_body({"username": _TEXT, "password": _TEXT}, ["username", "password"]))
def login(request: Request, manager: TheManager, body: JsonBody) -> Response:
    """Begin a browser's session; changes need its ``csrf_token`` in the header X-CSRF-Token."""
    username, password = body.get("username"), body.get("password")
    if not (isinstance(username, str) and isinstance(password, str)):
        raise SchemaViolationError({"username": "expected a string", "password": "expected a string"})
    signed_in = manager.signing_in.login(username[:255], password, client_address(request))
    answer = JSONResponse(_shown(signed_in.principal))
    set_session_cookie(answer, manager, signed_in.cookie)
    return answer


@router.post("/logout", status_code=204)
def logout(request: Request, manager: TheManager, _principal: SignedInUser) -> Response:
    """End the session."""
    cookie = request.cookies.get(cookie_name(manager))
    if cookie:
        manager.signing_in.logout(cookie)
    answer = Response(status_code=204)
    clear_session_cookie(answer, manager)
    return answer


@router.get("/me")
def who_am_i(principal: SignedInUser) -> dict[str, Any]:
    """Return who is asking, with which roles."""
    return _shown(principal)


@router.post(
    "/bootstrap",
    status_code=201,
    openapi_extra=json_body({"token": _TEXT, "username": _TEXT, "password": _TEXT}, ["token", "username", "password"]),
)
def bootstrap(manager: TheManager, body: JsonBody) -> dict[str, Any]:
    """Make the first administrator, with the one-time token that the manager wrote to a file."""
    return manager.bootstrap.use(body)


@router.get("/tokens")
def list_tokens(manager: TheManager, principal: SignedInUser) -> dict[str, Any]:
    """Return one's own API tokens, without the tokens."""
    return {"data": manager.api_tokens.of(principal)}


@router.post(
    "/tokens",
    status_code=201,
    openapi_extra=json_body({"name": _TEXT, "expires_in_s": {"type": "integer", "minimum": 1}}, ["name"]),
)
def create_token(manager: TheManager, principal: SignedInUser, body: JsonBody) -> dict[str, Any]:
    """Make an API token with all of one's own rights; it is seen in this answer only."""
    return manager.api_tokens.create(principal, body)


@router.delete("/tokens/{token_id}", status_code=204)
def delete_token(manager: TheManager, principal: SignedInUser, token_id: str) -> Response:
    """Remove one of one's own API tokens."""
    manager.api_tokens.delete(principal, token_id)
    return Response(status_code=204)


def set_session_cookie(answer: Response, manager: Manager, cookie: str) -> None:
    """Give a browser its session."""
    answer.set_cookie(
        cookie_name(manager),
        cookie,
        max_age=manager.settings.session_s,
        path="/",
        secure=manager.settings.https,
        httponly=True,
        samesite="strict",
    )


def clear_session_cookie(answer: Response, manager: Manager) -> None:
    """Take a browser's session away."""
    answer.delete_cookie(
        cookie_name(manager), path="/", secure=manager.settings.https, httponly=True, samesite="strict"
    )


def _shown(principal: Principal) -> dict[str, Any]:
    return {
        "id": principal.id,
        "username": principal.username,
        "superadmin": principal.superadmin,
        "roles": {group: role.word for group, role in principal.roles.items()},
        "csrf_token": principal.csrf_token,
    }
