"""vault-proxy-cache: a reverse proxy cache in memory or Redis, whose Redis credentials may be vault references."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from typing import Any

from kong_vault_py import VaultError
from kong_vault_py.plugin import bind, pdk
from kong_vault_py.plugin_kit.caching.cache_control import Directives, parse_directives
from kong_vault_py.plugin_kit.caching.entry import Entry, storable_headers
from kong_vault_py.plugin_kit.caching.key import RequestIdentity, cache_key, vary_by_headers, vary_by_query
from kong_vault_py.plugin_kit.caching.outage import Outage
from kong_vault_py.plugin_kit.caching.policy import CachePolicy
from kong_vault_py.plugin_kit.caching.storage import Storage
from kong_vault_py.plugin_kit.redis_fields import REDIS_FIELDS
from kong_vault_py.plugin_kit.schema_defaults import with_defaults

version = "0.1.0"
priority = 100

_STRINGS = {"type": "array", "elements": {"type": "string"}}
_ON = {"type": "boolean", "default": True}
_OFF = {"type": "boolean", "default": False}

Schema = (
    {
        "response_code": {
            "type": "array",
            "elements": {"type": "integer", "between": [100, 900]},
            "len_min": 1,
            "required": True,
            "default": [200, 301, 404],
        }
    },
    {
        "request_method": {
            "type": "array",
            "elements": {"type": "string", "one_of": ["HEAD", "GET", "POST", "PATCH", "PUT"]},
            "required": True,
            "default": ["GET", "HEAD"],
        }
    },
    {"content_type": {**_STRINGS, "required": True, "default": ["text/plain", "application/json"]}},
    {"cache_ttl": {"type": "integer", "gt": 0, "default": 300}},
    {"storage_ttl": {"type": "integer", "gt": 0}},
    {"strategy": {"type": "string", "one_of": ["memory", "redis"], "required": True}},
    {"cache_control": {**_OFF, "required": True}},
    {"ignore_uri_case": _OFF},
    {"bypass_on_err": _ON},
    {"vary_query_params": _STRINGS},
    {"vary_headers": _STRINGS},
    {
        "response_headers": {
            "type": "record",
            "required": True,
            "fields": [{"age": _ON}, {"X-Cache-Status": _ON}, {"X-Cache-Key": _ON}],
        }
    },
    {
        "memory": {
            "type": "record",
            "required": True,
            "fields": [
                {"dictionary_name": {"type": "string", "default": "kong_db_cache"}},
                {"size_bytes": {"type": "integer", "gt": 0, "default": 64 * 1024 * 1024}},
            ],
        }
    },
    {"redis": {"type": "record", "required": True, "fields": REDIS_FIELDS}},
    {"share_hits": _OFF},
)

# Where the access phase leaves "<status> <key>" for the response phase of the same request.
_CONTEXT = "vault_proxy_cache"
# Where Kong's proxy-cache tells logging plugins of a hit (handler.lua, access).
_HIT_CONTEXT = "proxy_cache_hit"
_METHODS_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
# kong.request.get_headers' own limit: with its default of 100, a header beyond would silently be missing.
_MAX_HEADERS = 1000
# Kong reads a body that it keeps in a file back for us, up to this size; beyond, its answer would be a 500.
_MAX_BODY_BYTES = 10 * 1024 * 1024


class Plugin:
    """One configured cache. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = with_defaults(Schema, config)
        self._policy = CachePolicy.from_config(self._config)
        self._route_id = self._config.get("route_id")
        self._shown = self._config["response_headers"]
        self._storage = self._open_storage()
        self._reads = Outage()
        self._writes = Outage()
        self._damage_logged = False

    def access(self, kong: Any) -> None:
        """Answer from the cache, or note that the response may be stored."""
        kong = pdk(kong)
        method, path = _request_line(kong)
        if method not in self._policy.methods:
            return self._bypass(kong)
        headers = _headers(kong.request.get_headers(_MAX_HEADERS)) if self._needs_headers(method) else {}
        directives = parse_directives(headers.get("cache-control", ()))
        if not self._policy.allows_request(directives, headers):
            return self._bypass(kong)
        if self._reads.forbids():
            return self._without_storage(kong)
        identity = self._identity(kong, method, path, headers)
        if identity is None:
            return self._bypass(kong)
        key = cache_key(identity)
        try:
            stored = self._storage.fetch(key)
        except VaultError as error:
            if self._reads.began(str(error)):
                kong.log.err(f"{error}; the cache is out of use until it answers")
            return self._without_storage(kong)
        if self._reads.ended():
            kong.log.notice("the storage answers again: the cache is in use")
        return self._answer(kong, key, stored, directives)

    def response(self, kong: Any) -> None:
        """Store the upstream's response, if this request's access phase asked for it and the policy allows it."""
        kong = pdk(kong)
        noted = kong.ctx.shared.get(_CONTEXT)
        if not noted:
            return
        status, key = noted.split(" ")
        entry, kept_s = self._storable(kong)
        if entry is None:
            status = "Bypass"
        else:
            self._store(kong, key, entry, kept_s)
        shown = self._visible({"X-Cache-Status": status, "X-Cache-Key": key})
        if shown:
            kong.response.set_headers(shown)

    def _answer(self, kong: Any, key: str, stored: bytes | None, directives: Directives) -> None:
        now_s = time.time()
        entry = None if stored is None else Entry.unpack(stored)
        if entry is not None and self._policy.satisfies(entry, directives, now_s):
            age = str(int(max(0.0, now_s - entry.stored_at_s)))
            marks = self._visible({"Age": age, "X-Cache-Status": "Hit", "X-Cache-Key": key})
            headers = {name: values[0] if len(values) == 1 else values for name, values in entry.headers.items()}
            if self._config["share_hits"]:
                kong.ctx.shared.set(_HIT_CONTEXT, {"res": _shareable(entry, headers)})
            kong.response.exit(entry.status, entry.body, {**headers, **marks})
            return
        if self._policy.cache_control and "only-if-cached" in directives:
            kong.response.exit(504)
            return
        if stored is not None and entry is None and not self._damage_logged:
            self._damage_logged = True
            message = f"cache entry {key} is damaged or of another format: it will be overwritten"
            kong.log.warn(message)  # noqa: G010 - Kong's name
        status = "Miss" if stored is None else "Refresh"
        kong.ctx.shared.set(_CONTEXT, f"{status} {key}")

    def _storable(self, kong: Any) -> tuple[Entry | None, float]:
        """Return the upstream's response as an entry and for how long to keep it, or no entry."""
        status = kong.service.response.get_status()
        if not self._policy.allows_status(status):
            return None, 0.0
        headers = _headers(kong.response.get_headers(_MAX_HEADERS))
        now_s = time.time()
        ttl_s = self._policy.response_ttl_s(headers, now_s)
        body = None if ttl_s is None else kong.service.response.get_raw_body()
        if ttl_s is None or body is None:
            return None, 0.0
        return Entry(status, storable_headers(headers), _bytes(body), now_s, ttl_s), self._policy.kept_s(ttl_s)

    def _store(self, kong: Any, key: str, entry: Entry, kept_s: float) -> None:
        try:
            self._storage.store(key, entry.pack(), kept_s)
        except VaultError as error:
            if self._writes.began(str(error)):
                kong.log.err(f"{error}; responses are not stored until it answers")
        else:
            self._writes.ended()

    def _identity(self, kong: Any, method: str, path: str, headers: Mapping[str, list[str]]) -> RequestIdentity | None:
        """Return what the request's key is made of, ``None`` where its body is too large to be part of it."""
        body = b""
        if method in _METHODS_WITH_BODY:
            if int(headers.get("content-length", ["0"])[0]) > _MAX_BODY_BYTES or "transfer-encoding" in headers:
                return None
            body = _bytes(kong.request.get_raw_body(_MAX_BODY_BYTES) or b"")
        consumer = kong.client.get_consumer() or {}
        route_id = self._route_id or (kong.router.get_route() or {}).get("id")
        return RequestIdentity(
            consumer_id=consumer.get("id"),
            route_id=route_id,
            method=method,
            path=path.lower() if self._config["ignore_uri_case"] else path,
            query=vary_by_query(kong.request.get_raw_query() or "", self._config["vary_query_params"] or ()),
            headers=vary_by_headers(headers, self._policy.vary_headers),
            body_sha256=hashlib.sha256(body).hexdigest() if body else "",
        )

    def _needs_headers(self, method: str) -> bool:
        return self._policy.cache_control or bool(self._policy.vary_headers) or method in _METHODS_WITH_BODY

    def _without_storage(self, kong: Any) -> None:
        if self._config["bypass_on_err"]:
            self._bypass(kong)
        else:
            kong.response.exit(503, {"message": "Service unavailable"})

    def _bypass(self, kong: Any) -> None:
        for name, value in self._visible({"X-Cache-Status": "Bypass"}).items():
            kong.response.set_header(name, value)

    def _visible(self, marks: dict[str, str]) -> dict[str, str]:
        """Leave out the headers that the config hides; it spells Age in lower case."""
        return {name: value for name, value in marks.items() if self._shown["age" if name == "Age" else name]}

    def _open_storage(self) -> Storage:
        # Imported here: only what an instance uses, and nothing for Kong's query of the schema.
        if self._config["strategy"] == "redis":
            from kong_vault_py.plugin_kit.caching.storage_redis import RedisStorage
            from kong_vault_py.plugin_kit.redis_settings import check_topology

            check_topology(self._config["redis"])
            return RedisStorage(bind(self._config))
        from kong_vault_py.plugin_kit.caching.storage_memory import MemoryStorage

        memory = self._config["memory"]
        return MemoryStorage.shared(memory["dictionary_name"], memory["size_bytes"])


def _request_line(kong: Any) -> tuple[str, str]:
    """Return the client's method and path; one PDK call for both."""
    method, _, rest = (kong.nginx.get_var("request") or "").partition(" ")
    return method, rest.rpartition(" ")[0].partition("?")[0]


def _shareable(entry: Entry, headers: Mapping[str, Any]) -> dict[str, Any]:
    """Return a hit as Kong's proxy-cache shares it, without the body: that would go to Kong twice."""
    return {
        "status": entry.status,
        "headers": dict(headers),
        "body_len": len(entry.body),
        "timestamp": int(entry.stored_at_s),
        "ttl": int(entry.ttl_s),
    }


def _headers(headers: Mapping[str, Any] | None) -> dict[str, list[str]]:
    return {
        name.lower(): list(values) if isinstance(values, (list, tuple)) else [values]
        for name, values in (headers or {}).items()
    }


def _bytes(body: bytes | str) -> bytes:
    return body.encode("utf-8", "surrogateescape") if isinstance(body, str) else bytes(body)
