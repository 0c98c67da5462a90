"""From exceptions to HTTP answers; denials go into the audit."""

from __future__ import annotations

import logging
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError, OperationalError
from sqlalchemy.exc import TimeoutError as NoConnectionError
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse

from kong_vault_py.errors import VaultError
from kong_vault_py.manager.access.roles import Principal
from kong_vault_py.manager.audit.event import Event
from kong_vault_py.manager.problems import NotAllowedError, NotVisibleError, ProblemError
from kong_vault_py.manager.service import Manager

__all__ = ["ERROR_ANSWERS", "add_error_handlers"]

log = logging.getLogger(__name__)

_ERROR: dict[str, Any] = {
    "description": "Refused; the message says why.",
    "content": {
        "application/json": {
            "schema": {"type": "object", "properties": {"message": {"type": "string"}}, "required": ["message"]}
        }
    },
}
#: What any route may answer besides its own.
ERROR_ANSWERS: dict[int | str, dict[str, Any]] = {"4XX": _ERROR}


def add_error_handlers(app: FastAPI) -> None:
    """Answer every exception as Kong's Admin API would."""
    app.add_exception_handler(ProblemError, _problem)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(DBAPIError, _database)
    app.add_exception_handler(NoConnectionError, _database)
    app.add_exception_handler(VaultError, _vault)
    app.add_exception_handler(Exception, _unexpected)


async def _problem(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, ProblemError)
    principal: Principal | None = getattr(request.state, "principal", None)
    if principal is not None and isinstance(error, (NotAllowedError, NotVisibleError)):
        manager: Manager = request.app.state.manager
        target = f"{request.method} {request.url.path}"
        await run_in_threadpool(_record_denial, manager, Event(principal.actor, "access", target, outcome="denied"))
    return JSONResponse(error.body, error.status, headers=error.headers)


def _record_denial(manager: Manager, event: Event) -> None:
    try:
        with manager.records.database.write() as session:
            manager.records.audit.append(session, event)
    except (DBAPIError, NoConnectionError) as error:
        # It is refused all the same.
        log.error("the audit lacks that %s was refused %s: %s", event.actor, event.target, type(error).__name__)


async def _invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    texts = [f"{'.'.join(str(part) for part in found['loc'][1:])}: {found['msg']}" for found in error.errors()]
    return JSONResponse({"message": "; ".join(texts)}, 400)


async def _http(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    words = {404: "Not found", 405: "Method not allowed"}
    return JSONResponse({"message": words.get(error.status_code, error.detail)}, error.status_code, error.headers)


async def _database(_request: Request, error: Exception) -> JSONResponse:
    if isinstance(error, IntegrityError):
        return JSONResponse({"message": "somebody else changed the same thing at the same time: try again"}, 409)
    if isinstance(error, DataError):
        return JSONResponse({"message": "a value is too long or out of bounds"}, 400)
    # Without the statement's values.
    log.error("database: %s", type(getattr(error, "orig", error)).__name__)
    status = 503 if isinstance(error, (OperationalError, NoConnectionError)) else 500
    return JSONResponse({"message": "the database does not answer"}, status)


async def _vault(_request: Request, error: Exception) -> JSONResponse:
    log.error("%s", error)
    return JSONResponse({"message": "the manager can't do this: its log says why"}, 500)


async def _unexpected(_request: Request, _error: Exception) -> JSONResponse:
    return JSONResponse({"message": "An unexpected error occurred"}, 500)
