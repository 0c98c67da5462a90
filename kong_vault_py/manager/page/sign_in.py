"""Signing in and out, and the first administrator."""

from __future__ import annotations

import hmac
import secrets

from fastapi import Request, Response

from kong_vault_py.manager.api.access import clear_session_cookie, set_session_cookie
from kong_vault_py.manager.api.signed_in import TheManager, client_address, cookie_name
from kong_vault_py.manager.page.forms import Form, PageForm, field_problems, given_texts
from kong_vault_py.manager.page.links import link, local_path, see_other
from kong_vault_py.manager.page.route import page_router
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.page.visits import CSRF_FIELD, Visitor
from kong_vault_py.manager.problems import NotAllowedError, ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["router"]

router = page_router()

# Before there is a session: a form has to bring what this cookie holds, so that no other site can sign a browser in.
_BYTES = 32


def _form_cookie(manager: Manager) -> str:
    return "__Host-kong-vault-form" if manager.settings.https else "kong-vault-form"


def _form_screen(
    request: Request, manager: Manager, template: str, problem: ProblemError | None = None, **context: object
) -> Response:
    token = secrets.token_urlsafe(_BYTES)
    problems = field_problems(problem) if problem else {}
    status = problem.status if problem else 200
    screen = show(request, template, status=status, problems=problems, csrf_token=token, **context)
    screen.headers.update(problem.headers if problem else {})
    screen.set_cookie(
        _form_cookie(manager), token, path="/", secure=manager.settings.https, httponly=True, samesite="strict"
    )
    return screen


def _check_form(request: Request, manager: Manager, form: Form) -> None:
    held, sent = request.cookies.get(_form_cookie(manager), ""), form.get(CSRF_FIELD, "")
    if not held or not hmac.compare_digest(held.encode(), sent.encode()):
        raise NotAllowedError("this form is not ours, or too old: load the page again, and repeat")


@router.get("/sign-in")
def sign_in_screen(request: Request, manager: TheManager, next: str = "") -> Response:
    """Show the form."""
    return _form_screen(request, manager, "sign_in", next=local_path(next), username="")


@router.post("/sign-in")
def sign_in(request: Request, manager: TheManager, form: PageForm) -> Response:
    """Begin a session."""
    _check_form(request, manager, form)
    username, following = form.get("username", "")[:255], local_path(form.get("next", ""))
    try:
        signed_in = manager.signing_in.login(username, form.get("password", ""), client_address(request))
    except ProblemError as problem:
        return _form_screen(request, manager, "sign_in", problem, next=following, username=username)
    answer = see_other(following)
    set_session_cookie(answer, manager, signed_in.cookie)
    answer.delete_cookie(
        _form_cookie(manager), path="/", secure=manager.settings.https, httponly=True, samesite="strict"
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request, manager: TheManager, _principal: Visitor) -> Response:
    """End the session."""
    manager.signing_in.logout(request.cookies[cookie_name(manager)])
    answer = see_other(link("sign-in", done="signed-out"))
    clear_session_cookie(answer, manager)
    return answer


@router.get("/first-administrator")
def first_administrator_screen(request: Request, manager: TheManager) -> Response:
    """Show the form for the one-time token."""
    return _form_screen(request, manager, "first_administrator", form={})


@router.post("/first-administrator")
def first_administrator(request: Request, manager: TheManager, form: PageForm) -> Response:
    """Make the first user."""
    _check_form(request, manager, form)
    try:
        manager.bootstrap.use(given_texts(form, "token", "username", "password"))
    except ProblemError as problem:
        return _form_screen(request, manager, "first_administrator", problem, form=form)
    return see_other(link("sign-in", done="first-user"))
