"""Request bodies: JSON objects of storable text, and how the OpenAPI document tells of them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, NoReturn

from fastapi import Depends, Request

from kong_vault_py.manager.clean_text import is_clean
from kong_vault_py.manager.problems import BodyTooLargeError, MediaTypeError, ProblemError

__all__ = ["JsonBody", "YamlBody", "json_body", "media_type", "read_body", "read_json", "yaml_body"]

_MAX_BYTES = 1024 * 1024
_MAX_YAML_BYTES = 4 * 1024 * 1024


async def read_json(request: Request) -> dict[str, Any]:
    """Return the body's JSON object.

    Raises:
        MediaTypeError: it isn't JSON.
        ProblemError: it isn't valid JSON, no object, or holds text that can't be stored.
    """
    raw = await read_body(request)
    given_type = media_type(request)
    if not raw and not given_type:
        return {}
    if given_type != "application/json":
        raise MediaTypeError("expected a body of type application/json")
    try:
        value = json.loads(raw, parse_constant=_no_constant)
    except (ValueError, RecursionError):
        raise ProblemError("Cannot parse JSON body") from None
    if not isinstance(value, dict):
        raise ProblemError("expected a JSON object")
    if not is_clean(value):
        raise ProblemError("the body holds text with NUL or half characters, or is too deep")
    return value


async def read_yaml(request: Request) -> str:
    """Return the text of a decK file."""
    raw = await read_body(request, _MAX_YAML_BYTES)
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise ProblemError("expected UTF-8 text") from None


JsonBody = Annotated[dict[str, Any], Depends(read_json)]
YamlBody = Annotated[str, Depends(read_yaml)]


def json_body(properties: Mapping[str, Any], required: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a route's ``openapi_extra`` needs to tell of its JSON body."""
    schema: dict[str, Any] = {"type": "object", "properties": dict(properties), "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return {"requestBody": {"required": True, "content": {"application/json": {"schema": schema}}}}


def yaml_body() -> dict[str, Any]:
    """Return what a route's ``openapi_extra`` needs to tell of its YAML body."""
    return {"requestBody": {"required": True, "content": {"application/yaml": {"schema": {"type": "string"}}}}}


def media_type(request: Request) -> str:
    """Return the media type of the body, without its parameters; ``""`` where it has none."""
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def read_body(request: Request, most: int = _MAX_BYTES) -> bytes:
    """Return the body.

    Raises:
        BodyTooLargeError: it has more than ``most`` bytes.
    """
    raw = bytearray()
    async for chunk in request.stream():
        raw += chunk
        if len(raw) > most:
            raise BodyTooLargeError
    return bytes(raw)


def _no_constant(_name: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
