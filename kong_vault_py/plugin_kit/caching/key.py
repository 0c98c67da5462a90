"""The cache key: which requests share one cached response.

The parts are those of ``kong/plugins/proxy-cache/cache_key.lua`` (consumer, route, method, path, query, headers). The
text that is hashed is ours: Kong joins the parts with ``|`` and ``:``, so a path or a header that holds those
characters can collide with another request's key; here every part keeps its borders.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import unquote_plus

__all__ = ["RequestIdentity", "cache_key", "vary_by_headers", "vary_by_query"]


@dataclass(frozen=True)
class RequestIdentity:
    """Everything of a request that decides which cached response answers it.

    Attributes:
        consumer_id: the authenticated consumer, ``None`` for nobody.
        route_id: the route, ``None`` where no route matched.
        method: the client's method.
        path: the client's path as sent, in lower case where the config ignores case.
        query: the relevant query parameters, from :func:`vary_by_query`.
        headers: the relevant headers, from :func:`vary_by_headers`.
        body_sha256: the body's digest for methods that have a body, else ``""``.
    """

    consumer_id: str | None
    route_id: str | None
    method: str
    path: str
    query: Sequence[str] = ()
    headers: Sequence[tuple[str, Sequence[str]]] = ()
    body_sha256: str = ""


def cache_key(identity: RequestIdentity) -> str:
    """Return the key as 64 hexadecimal digits (SHA-256)."""
    parts = [
        identity.consumer_id,
        identity.route_id,
        identity.method,
        identity.path,
        list(identity.query),
        [[name, list(values)] for name, values in identity.headers],
        identity.body_sha256,
    ]
    return hashlib.sha256(json.dumps(parts, separators=(",", ":")).encode("ascii")).hexdigest()


def vary_by_query(raw_query: str, only: Collection[str]) -> tuple[str, ...]:
    """Return the parameters that count, sorted by name.

    Values of one name keep their order (``a=1&a=2`` and ``a=2&a=1`` may mean different things to an upstream), and
    parameters stay encoded as they came: two spellings of one value make two entries, never one wrong one.

    Args:
        raw_query: the query without its question mark.
        only: names of the parameters that count; empty for all of them.
    """
    pieces = [piece for piece in raw_query.split("&") if piece]
    if only:
        pieces = [piece for piece in pieces if unquote_plus(_name(piece)) in only]
    return tuple(sorted(pieces, key=_name))


def vary_by_headers(
    headers: Mapping[str, Sequence[str]], names: Collection[str]
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Return the configured headers that the request has, in the order of their names.

    Args:
        headers: the request's headers with names in lower case.
        names: names of the headers that count, in any case; none count without.
    """
    wanted = sorted({name.lower() for name in names})
    return tuple((name, tuple(headers[name])) for name in wanted if name in headers)


def _name(piece: str) -> str:
    return piece.partition("=")[0]
