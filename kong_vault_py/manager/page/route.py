"""What all screens' routes share: errors are screens too, and whoever isn't signed in is asked to."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as NoConnectionError

from kong_vault_py.errors import VaultError
from kong_vault_py.manager.page.links import ROOT, link, see_other
from kong_vault_py.manager.page.screen import show
from kong_vault_py.manager.problems import NotSignedInError, ProblemError

__all__ = ["page_router"]

_TITLES = {
    403: "You may not do this",
    404: "There is no such page",
    409: "That is not possible now",
    500: "Something went wrong",
    503: "The database does not answer",
}


class PageRoute(APIRoute):
    """A route whose errors are told by the API's handlers, and shown as a screen."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return what answers a request."""
        handle = super().get_route_handler()

        async def handle_page(request: Request) -> Response:
            try:
                return await handle(request)
            except NotSignedInError:
                back = request.url.path if request.method == "GET" and request.url.path != ROOT else None
                return see_other(link("sign-in", next=back))
            except (ProblemError, RequestValidationError, DBAPIError, NoConnectionError, VaultError) as error:
                return await _told(request, error)

        return handle_page


async def _told(request: Request, error: Exception) -> Response:
    """Return the screen for what the API would answer, which also records denials and logs faults."""
    handlers = request.app.exception_handlers
    handler = next(handlers[kind] for kind in type(error).__mro__ if kind in handlers)
    answer: Response = await handler(request, error)
    message = json.loads(bytes(answer.body))["message"]
    title = _TITLES.get(answer.status_code, "That won't do")
    screen = show(request, "problem", status=answer.status_code, title=title, message=message)
    if "retry-after" in answer.headers:
        screen.headers["retry-after"] = answer.headers["retry-after"]
    return screen


def page_router(*parts: str) -> APIRouter:
    """Return a router for screens below this path; they are not part of the API's document."""
    return APIRouter(prefix="/".join((ROOT, *parts)), route_class=PageRoute, include_in_schema=False)
