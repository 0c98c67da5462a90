"""Reading a request's body: JSON, small, and of exactly the form that the protocol says."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import falcon

from kong_vault_py.agent.refusal import Refusal

__all__ = ["MAX_BODY_BYTES", "FetchRequest", "OptionValue", "read_fetch", "read_reference"]

MAX_BODY_BYTES = 64 * 1024
_MAX_NAME_CHARS = 100

OptionValue = str | float | int | bool


@dataclass(frozen=True, repr=False)
class FetchRequest:
    """``POST /v1/fetch``.

    Attributes:
        strategy: the strategy's name.
        config: what the request says of the vault; nulls left out.
        resource: the resource's name.
        version: the version, ``None`` for the current one.
    """

    strategy: str
    config: Mapping[str, OptionValue]
    resource: str
    version: float | int | None


def read_fetch(request: falcon.Request) -> FetchRequest:
    """Read the body of ``POST /v1/fetch``.

    Raises:
        Refusal: 400, 413 or 415.
    """
    body = _read_object(request, {"strategy", "config", "resource", "version"})
    strategy, resource = body.get("strategy"), body.get("resource")
    if not (isinstance(strategy, str) and 0 < len(strategy) <= _MAX_NAME_CHARS and _stands_for_bytes(strategy)):
        raise _invalid("'strategy' must be a strategy's name")
    if not (isinstance(resource, str) and resource and _stands_for_bytes(resource)):
        raise _invalid("'resource' must be a non-empty string")
    version = body.get("version")
    if version is not None and not _is_number(version):
        raise _invalid("'version' must be null or a number")
    return FetchRequest(strategy, _config(body.get("config")), resource, version)


def read_reference(request: falcon.Request) -> str:
    """Read the body of ``POST /v1/resolve`` and ``POST /v1/resource``.

    Raises:
        Refusal: 400, 413 or 415.
    """
    reference = _read_object(request, {"reference"}).get("reference")
    if not (isinstance(reference, str) and _stands_for_bytes(reference)):
        raise _invalid("'reference' must be a string")
    return reference


def _config(config: object) -> Mapping[str, OptionValue]:
    if config is None:
        return {}
    if not isinstance(config, dict):
        raise _invalid("'config' must be an object")
    for name, value in config.items():
        fine = _stands_for_bytes(value) if isinstance(value, str) else isinstance(value, bool) or _is_number(value)
        if not (value is None or fine):
            raise _invalid(f"'config': option {name[:_MAX_NAME_CHARS]!r} must be a string, a number, a boolean or null")
    return {name: value for name, value in config.items() if value is not None}


def _read_object(request: falcon.Request, fields: set[str]) -> dict[str, Any]:
    media_type = (request.content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise Refusal(415, "unsupported_media_type", "the body must be application/json")
    text = _read(request)
    try:
        # Kong's Lua writes a resource's bytes as they are, whether they are UTF-8 or not.
        body = json.loads(
            text.decode("utf-8", "surrogateescape"), object_pairs_hook=_unique, parse_constant=_no_constant
        )
    except (ValueError, RecursionError):
        raise _invalid("the body is no valid JSON") from None
    if not isinstance(body, dict):
        raise _invalid("the body must be a JSON object")
    if not fields.issuperset(body):
        raise _invalid(f"the body has fields beside {', '.join(sorted(fields))}")
    return body


def _read(request: falcon.Request) -> bytes:
    """Read the body, or as much of it as shows that it is too large."""
    length = request.env.get("CONTENT_LENGTH")
    if length and int(length) > MAX_BODY_BYTES:
        raise _too_large()
    try:
        text: bytes = request.env["wsgi.input"].read(MAX_BODY_BYTES + 1 if length is None else int(length or 0))
    except (OSError, ValueError):  # of gevent, for a chunk without a size
        raise Refusal(400, "invalid_request", "the body did not arrive") from None
    if len(text) > MAX_BODY_BYTES:
        raise _too_large()
    return text


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError
    return found


def _no_constant(_name: str) -> None:
    raise ValueError


def _is_number(value: object) -> bool:
    try:
        return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
    except OverflowError:  # an integer beyond all floats
        return False


def _stands_for_bytes(text: str) -> bool:
    """Whether text is what bytes of some name come as: JSON can write half characters that are none."""
    try:
        text.encode("utf-8", "surrogateescape")
    except UnicodeEncodeError:
        return False
    return True


def _too_large() -> Refusal:
    return Refusal(413, "too_large", f"the body is larger than {MAX_BODY_BYTES} bytes")


def _invalid(message: str) -> Refusal:
    return Refusal(400, "invalid_request", message)
