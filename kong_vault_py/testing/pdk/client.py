"""``kong.client.*`` and ``kong.router.*`` (``kong/pdk/client.lua``, ``kong/pdk/router.lua``)."""

from __future__ import annotations

import uuid
from typing import Any

from kong_vault_py.testing.context import RequestContext
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.pdk.function import ANY_PHASE, PdkFunction, expect, phases
from kong_vault_py.testing.pdk.node import is_trusted

__all__ = ["FUNCTIONS"]

_AUTH_AND_LATER = phases("access", "header_filter", "response", "body_filter", "log")
_ACCESS = phases("access")


def _forwarded_ip(context: RequestContext) -> str:
    """Return the client's address behind trusted proxies (Nginx's realip module with ``X-Real-IP``, Kong's default)."""
    given = context.headers.get("x-real-ip")
    return given if given and is_trusted(context, context.client_ip) else context.client_ip


def _is_uuid(text: str) -> bool:
    try:
        return str(uuid.UUID(text)) == text.lower()
    except ValueError:
        return False


def _load_consumer(context: RequestContext, consumer_id: Any, search_by_username: Any) -> dict[str, Any] | None:
    expect(consumer_id, "string", "consumer_id must be a string")
    if not _is_uuid(consumer_id) and not search_by_username:
        raise LuaError("cannot load a consumer with an id that is not a uuid")
    for consumer in context.node.consumers:
        if consumer.id == consumer_id or (search_by_username and consumer.username == consumer_id):
            return consumer.as_table()
    return None


def _authenticate(context: RequestContext, consumer: Any, credential: Any) -> None:
    for name, value in (("consumer", consumer), ("credential", credential)):
        if value is not None:
            expect(value, "table", f"{name} must be a table or nil")
    if consumer is None and credential is None:
        raise LuaError("either credential or consumer must be provided")
    context.consumer, context.credential = consumer, credential


def _get_route(context: RequestContext) -> dict[str, Any] | None:
    return context.route.as_table() if context.route else None


def _get_service(context: RequestContext) -> dict[str, Any] | None:
    service = context.route.service if context.route else None
    return service.as_table() if service else None


FUNCTIONS = {
    "kong.client.get_ip": PdkFunction(lambda context: context.client_ip, ANY_PHASE, live=True),
    "kong.client.get_forwarded_ip": PdkFunction(_forwarded_ip, ANY_PHASE, live=True),
    "kong.client.get_port": PdkFunction(lambda context: context.client_port, ANY_PHASE, live=True),
    "kong.client.get_forwarded_port": PdkFunction(lambda context: context.client_port, ANY_PHASE, live=True),
    "kong.client.get_credential": PdkFunction(lambda context: context.credential, _AUTH_AND_LATER),
    "kong.client.get_consumer": PdkFunction(lambda context: context.consumer, _AUTH_AND_LATER),
    "kong.client.load_consumer": PdkFunction(_load_consumer, _AUTH_AND_LATER),
    "kong.client.authenticate": PdkFunction(_authenticate, _ACCESS),
    "kong.client.get_protocol": PdkFunction(lambda context: context.scheme, _AUTH_AND_LATER, live=True),
    "kong.router.get_route": PdkFunction(_get_route, _AUTH_AND_LATER),
    "kong.router.get_service": PdkFunction(_get_service, _AUTH_AND_LATER),
}
