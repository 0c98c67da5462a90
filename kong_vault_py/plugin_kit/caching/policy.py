"""What may be cached, for how long, and when a cached response answers a request.

The rules are those of ``kong/plugins/proxy-cache/handler.lua``; where they would leak one user's response to another
one, or serve stale data nobody asked for, the safe rule holds (each is named in docs/plugins/vault-proxy-cache.md).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.caching.cache_control import Directives, parse_directives, resource_ttl_s
from kong_vault_py.plugin_kit.caching.entry import Entry
from kong_vault_py.plugin_kit.caching.media_type import MediaType

__all__ = ["CachePolicy"]

Headers = Mapping[str, Sequence[str]]

# Redis refuses times that overflow its milliseconds; nobody means more than this.
_MAX_TTL_S = 10 * 365 * 24 * 3600.0


@dataclass(frozen=True)
class CachePolicy:
    """The config's rules, ready to be asked.

    Attributes:
        methods: methods whose requests may be answered from the cache.
        statuses: upstream statuses that may be stored.
        content_types: upstream content types that may be stored.
        cache_ttl_s: seconds for which a response is fresh, where Cache-Control doesn't say.
        storage_ttl_s: seconds for which it is kept, ``None`` for as long as it is fresh.
        cache_control: heed Cache-Control and Expires.
        vary_headers: names, in lower case, of the headers in the cache key.
    """

    methods: frozenset[str]
    statuses: frozenset[int]
    content_types: tuple[MediaType, ...]
    cache_ttl_s: float
    storage_ttl_s: float | None
    cache_control: bool
    vary_headers: frozenset[str]

    @classmethod
    def from_config(cls, config: Mapping[str, Any]) -> CachePolicy:
        """Build the policy of a plugin config that has its defaults.

        Raises:
            ConfigError: an element of ``content_type`` is no media type.
        """
        return cls(
            methods=frozenset(config["request_method"]),
            statuses=frozenset(int(code) for code in config["response_code"]),
            content_types=tuple(_media_type(text) for text in config["content_type"]),
            cache_ttl_s=float(config["cache_ttl"]),
            storage_ttl_s=None if config["storage_ttl"] is None else float(config["storage_ttl"]),
            cache_control=bool(config["cache_control"]),
            vary_headers=frozenset(name.lower() for name in config["vary_headers"] or ()),
        )

    def allows_request(self, directives: Directives, headers: Headers) -> bool:
        """Say whether the cache may be asked at all; the method is looked at by the caller.

        Args:
            directives: of the request's Cache-Control.
            headers: the request's headers, names in lower case.
        """
        if not self.cache_control:
            return True
        if "no-store" in directives or "no-cache" in directives:
            return False
        return "authorization" not in headers or "authorization" in self.vary_headers

    def allows_status(self, status: int) -> bool:
        """Say whether responses with this status may be stored."""
        return status in self.statuses

    def response_ttl_s(self, headers: Headers, now_s: float) -> float | None:
        """Return for how many seconds a response with these headers is fresh, ``None`` where it may not be stored.

        Args:
            headers: the upstream's response headers, names in lower case.
            now_s: Unix time.
        """
        if "set-cookie" in headers or not self._allows_content_type(headers.get("content-type", ())):
            return None
        if not self.cache_control:
            return self.cache_ttl_s
        directives = parse_directives(headers.get("cache-control", ()))
        if directives.keys() & {"private", "no-store", "no-cache"} or _varies_by_everything(headers):
            return None
        ttl_s = min(resource_ttl_s(directives, headers, now_s), _MAX_TTL_S)
        return ttl_s if ttl_s > 0 else None

    def kept_s(self, ttl_s: float) -> float:
        """Return for how many seconds a response that is fresh for ``ttl_s`` stays in the storage."""
        return self.storage_ttl_s or ttl_s

    def satisfies(self, entry: Entry, directives: Directives, now_s: float) -> bool:
        """Say whether a stored response answers a request, or has to be fetched anew.

        Args:
            entry: the stored response.
            directives: of the request's Cache-Control.
            now_s: Unix time.
        """
        age_s = max(0.0, now_s - entry.stored_at_s)
        if not self.cache_control:
            return age_s <= self.cache_ttl_s
        max_age_s, min_fresh_s = directives.get("max-age"), directives.get("min-fresh")
        if isinstance(max_age_s, float) and age_s > max_age_s:
            return False
        if isinstance(min_fresh_s, float) and entry.ttl_s - age_s < min_fresh_s:
            return False
        max_stale_s = directives.get("max-stale", 0.0)
        # Without an argument any staleness will do (RFC 9111, 5.2.1.2).
        return max_stale_s is True or age_s - entry.ttl_s <= (max_stale_s if isinstance(max_stale_s, float) else 0)

    def _allows_content_type(self, values: Sequence[str]) -> bool:
        found = MediaType.parse(values[0]) if len(values) == 1 else None
        return found is not None and any(allowed.covers(found) for allowed in self.content_types)


def _media_type(text: str) -> MediaType:
    parsed = MediaType.parse(text)
    if parsed is None:
        raise ConfigError(f"vault-proxy-cache: content_type: '{text}' is no media type such as 'application/json'")
    return parsed


def _varies_by_everything(headers: Headers) -> bool:
    return any(name.strip() == "*" for value in headers.get("vary", ()) for name in value.split(","))
