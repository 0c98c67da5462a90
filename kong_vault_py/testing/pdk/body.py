"""Bodies as ``get_body`` of ``kong.request`` and ``kong.service.response`` reads them, and ``set_body`` writes them."""

from __future__ import annotations

import email
import email.policy
import json
import secrets
from collections.abc import Mapping
from typing import Any

from kong_vault_py.dialect.lua_value import to_bytes, to_text, tostring
from kong_vault_py.testing.failures import LuaError
from kong_vault_py.testing.uri import decode_args, encode_args

__all__ = ["FORM", "JSON", "MULTIPART", "decode_body", "encode_body"]

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"


def decode_body(body: bytes, content_type: str | None, max_args: int | None = None) -> Any:
    """Return a body as a table, ``None`` (nil) where Kong returns nil and an error."""
    kind = (content_type or "").lower().partition(";")[0]
    if kind.startswith(FORM):
        return decode_args(to_text(body), max_args)
    if kind.startswith(JSON):
        try:
            decoded = json.loads(body)
        except ValueError:
            return None
        return decoded if isinstance(decoded, (dict, list)) else None
    if kind.startswith(MULTIPART):
        return _multipart(body, content_type or "")
    return None


def _multipart(body: bytes, content_type: str) -> dict[str, Any] | None:
    head = f"Content-Type: {content_type}\r\n\r\n".encode()
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    if not message.is_multipart():
        return None
    table: dict[str, Any] = {}
    for part in message.iter_parts():
        name = part.get_param("name", header="content-disposition")
        if not isinstance(name, str):
            continue
        payload = part.get_payload(decode=True)
        value = to_text(payload if isinstance(payload, bytes) else b"")
        if name not in table:
            table[name] = value
        elif isinstance(table[name], list):
            table[name].append(value)
        else:
            table[name] = [table[name], value]
    return table


def encode_body(arguments: Any, content_type: str) -> tuple[bytes, str]:
    """Return the body of ``set_body`` and its content type.

    Raises:
        LuaError: the content type is not supported, or a value can't stand in it.
    """
    kind = content_type.partition(";")[0]
    if kind == JSON:
        return json.dumps(arguments, separators=(",", ":"), ensure_ascii=False).encode(), content_type
    if kind == FORM:
        if not isinstance(arguments, Mapping):
            raise LuaError("args must be a table")
        try:
            return encode_args(arguments).encode(), content_type
        except TypeError as error:
            raise LuaError(str(error)) from error
    if kind == MULTIPART:
        return _encode_multipart(arguments, content_type)
    raise LuaError(f"unsupported content type {content_type}")


def _encode_multipart(arguments: Mapping[str, Any], content_type: str) -> tuple[bytes, str]:
    boundary = content_type.partition("boundary=")[2].strip('"') or secrets.token_hex(10)
    chunks = []
    for name, value in sorted(arguments.items()):
        if not isinstance(value, (str, int, float)):
            raise LuaError(f"invalid value {name!r}: got {type(value).__name__}, expected string, number or boolean")
        chunks.append(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{tostring(value)}\r\n')
    return to_bytes("".join(chunks) + f"--{boundary}--\r\n"), f"{MULTIPART}; boundary={boundary}"
