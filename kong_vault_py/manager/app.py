"""The ASGI application: the API's routers around one :class:`Manager`. A web page joins with routers of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from fastapi import APIRouter, FastAPI

from kong_vault_py import __version__
from kong_vault_py.manager.api import routers
from kong_vault_py.manager.api.errors import ERROR_ANSWERS, add_error_handlers
from kong_vault_py.manager.dataplane.revision_watch import RevisionWatch
from kong_vault_py.manager.metrics import Metrics
from kong_vault_py.manager.middleware import Guard
from kong_vault_py.manager.service import Manager

__all__ = ["create_app"]


def create_app(manager: Manager, more: Sequence[APIRouter] = ()) -> FastAPI:
    """Return the application.

    Args:
        manager: all services; the application closes it at its end.
        more: further routers, matched after the API's.
    """

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        yield
        watch.stop()
        manager.close()

    app = FastAPI(
        title="kong-vault manager",
        version=__version__,
        docs_url="/docs" if manager.settings.docs else None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
        responses=ERROR_ANSWERS,
    )
    watch = RevisionWatch(manager.node_vaults.revisions)
    metrics = Metrics(lambda: watch.waiting)
    app.state.manager, app.state.watch, app.state.metrics = manager, watch, metrics
    add_error_handlers(app)
    for router in (*routers(), *more):
        app.include_router(router)
    app.add_middleware(Guard, metrics=metrics, https=manager.settings.https)
    return app
