"""One cached response, and the bytes it is stored as."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["Entry", "storable_headers"]

# The first byte of a stored value; another one is a value of another format, or not ours.
_FORMAT = b"\x01"

# kong/plugins/proxy-cache/handler.lua:hop_by_hop_headers, with the two names that RFC 9110 adds. Content-Length goes
# too: the gateway writes the right one.
_HOP_BY_HOP = frozenset(
    {
        "connection",
        "content-length",
        "keep-alive",
        "proxy-authenticate",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "trailers",
        "transfer-encoding",
        "upgrade",
    }
)

# What the cache itself says of a response; an upstream's own would contradict it.
_CACHE_MARKS = frozenset({"age", "x-cache-key", "x-cache-status"})


@dataclass(frozen=True)
class Entry:
    """A cached response.

    Attributes:
        status: the HTTP status.
        headers: name in lower case -> values; only what may be replayed, see :func:`storable_headers`.
        body: the body's bytes.
        stored_at_s: Unix time at which the response came.
        ttl_s: seconds for which it is fresh.
    """

    status: int
    headers: Mapping[str, Sequence[str]]
    body: bytes
    stored_at_s: float
    ttl_s: float

    def pack(self) -> bytes:
        """Return the entry as a version byte and MessagePack: data only, nothing that could run when it is read."""
        import msgpack

        headers = {name: list(values) for name, values in self.headers.items()}
        fields = [self.status, headers, self.body, self.stored_at_s, self.ttl_s]
        packed: bytes = msgpack.packb(fields, unicode_errors="surrogateescape")
        return _FORMAT + packed

    @classmethod
    def unpack(cls, data: bytes) -> Entry | None:
        """Return the entry that was packed, or ``None`` where the bytes are damaged, foreign or of another format."""
        import msgpack

        if data[:1] != _FORMAT:
            return None
        try:
            fields = msgpack.unpackb(data[1:], unicode_errors="surrogateescape")
        except (ValueError, TypeError, msgpack.UnpackException):
            return None
        if not (isinstance(fields, list) and len(fields) == 5):
            return None
        status, headers, body, stored_at_s, ttl_s = fields
        numbers_fit = isinstance(stored_at_s, (int, float)) and isinstance(ttl_s, (int, float))
        if not (isinstance(status, int) and 100 <= status <= 999 and isinstance(body, bytes) and numbers_fit):
            return None
        return cls(status, headers, body, stored_at_s, ttl_s) if _are_headers(headers) else None


def storable_headers(headers: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Return the response headers that may be replayed: not hop-by-hop ones, not a client's remaining rate limit.

    Args:
        headers: the upstream's response headers, names in lower case.
    """
    named = {name.strip().lower() for value in headers.get("connection", ()) for name in value.split(",")}
    return {
        name: list(values)
        for name, values in headers.items()
        if name not in _HOP_BY_HOP
        and name not in _CACHE_MARKS
        and name not in named
        and "ratelimit-remaining" not in name
    }


def _are_headers(headers: object) -> bool:
    return isinstance(headers, dict) and all(
        isinstance(name, str) and isinstance(values, list) and all(isinstance(value, str) for value in values)
        for name, values in headers.items()
    )
