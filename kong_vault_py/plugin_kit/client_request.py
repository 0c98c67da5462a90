"""What plugins read of a client's request: headers by name, and the body as far as Kong hands it over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

__all__ = ["MAX_HEADERS", "Headers", "RequestRefusedError", "read_body", "read_headers"]

#: kong.request.get_headers' own limit: with its default of 100, a header beyond would silently be missing.
MAX_HEADERS = 1000

Headers = Mapping[str, Sequence[str]]

_METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "DELETE", "CONNECT"})


class RequestRefusedError(Exception):
    """The request can't be served as it is.

    Args:
        status: what to answer.
        message: what to tell the client.
    """

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


def read_headers(kong: Any) -> Headers:
    """Return the request's headers, names in lower case, each with its values. One PDK call.

    Raises:
        RequestRefusedError: there are so many that Kong doesn't show them all.
    """
    answer: Mapping[str, Any] = kong.request.get_headers(MAX_HEADERS) or {}
    headers = {
        name.lower(): list(values) if isinstance(values, (list, tuple)) else [values] for name, values in answer.items()
    }
    if sum(map(len, headers.values())) >= MAX_HEADERS:
        raise RequestRefusedError(431, "Too many request headers")
    return headers


def read_body(kong: Any, headers: Headers, max_bytes: int, *, method: str = "POST") -> bytes:
    """Return the request's body. One PDK call, none where there is no body.

    Args:
        kong: the PDK.
        headers: the request's, from :func:`read_headers`.
        max_bytes: Kong reads a body that it keeps in a file back for us (3.8 and later), up to this size.
        method: the request's; without a length, GET and the like are taken to have no body.

    Raises:
        RequestRefusedError: the body is larger, or Kong keeps it in a file and won't hand it over.
    """
    length = (headers.get("content-length") or [""])[0]
    unsized = not length and (method not in _METHODS_WITHOUT_BODY or "transfer-encoding" in headers)
    if not unsized and int(length or 0) == 0:
        return b""
    # Asking for a body that is too large would be a 500 by Kong, without a reason.
    body = None if int(length or 0) > max_bytes else kong.request.get_raw_body(max_bytes)
    if body is None or len(body) > max_bytes:
        raise RequestRefusedError(413, "Request body too large")
    return body.encode("utf-8", "surrogateescape") if isinstance(body, str) else bytes(body)
