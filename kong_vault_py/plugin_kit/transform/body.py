"""Bodies: which transformer a content type has, as ``get_content_type`` in Kong's request-transformer finds it."""

from __future__ import annotations

from enum import Enum

from kong_vault_py.plugin_kit.transform.json_body import change_json
from kong_vault_py.plugin_kit.transform.multipart import change_multipart
from kong_vault_py.plugin_kit.transform.parameters import change_parameters
from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["BodyKind", "body_kind", "change_body"]


class BodyKind(Enum):
    """The bodies that can be changed, by what their content type contains."""

    JSON = "application/json"
    MULTIPART = "multipart/form-data"
    FORM = "application/x-www-form-urlencoded"


def body_kind(content_type: str | None) -> BodyKind | None:
    """Return the kind of a body, ``None`` for one that stays as it is."""
    lowered = (content_type or "").lower()
    return next((kind for kind in BodyKind if kind.value in lowered), None)


def change_body(body: bytes, content_type: str, rules: Rules) -> bytes | None:
    """Return the body with the rules applied, ``None`` where it stays as it is.

    Args:
        body: the body as sent.
        content_type: the request's Content-Type.
        rules: what to do.
    """
    kind = body_kind(content_type)
    if kind is BodyKind.JSON:
        return change_json(body, rules)
    if kind is BodyKind.MULTIPART:
        return change_multipart(body, content_type, rules)
    if kind is BodyKind.FORM:
        before = body.decode("utf-8", "surrogateescape")
        after = change_parameters(before, rules)
        return None if after == before else after.encode("utf-8", "surrogateescape")
    return None
