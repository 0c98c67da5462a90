"""vault-upstream-oauth: an OAuth 2.0 access token for the upstream, asked for with secrets that are references."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from kong_vault_py import Secret, VaultError
from kong_vault_py.plugin import bind, pdk
from kong_vault_py.plugin_kit.closed import closed
from kong_vault_py.plugin_kit.redis_fields import REDIS_FIELDS
from kong_vault_py.plugin_kit.schema_defaults import with_defaults

version = "0.1.0"
priority = 760

_TEXT = {"type": "string"}
_TEXTS = {"type": "array", "required": True, "elements": _TEXT}
_TEXT_MAP = {"type": "map", "keys": _TEXT, "values": _TEXT}
_ON = {"type": "boolean", "required": True, "default": True}

_OAUTH_FIELDS = [
    {"token_endpoint": {**_TEXT, "required": True, "description": "Address of the IdP's token endpoint."}},
    {
        "grant_type": {
            **_TEXT,
            "required": True,
            "one_of": ["client_credentials", "password"],
            "default": "client_credentials",
            "description": "How the token is asked for.",
        }
    },
    {"client_id": {**_TEXT, "description": "The client's id at the IdP."}},
    {"client_secret": {**_TEXT, "description": "The client's secret: a vault reference."}},
    {"username": {**_TEXT, "description": "The user, for the grant type password."}},
    {"password": {**_TEXT, "description": "The user's password: a vault reference."}},
    {"scopes": {**_TEXTS, "default": ["openid"], "description": "Scopes to ask for."}},
    {"audience": {**_TEXTS, "default": [], "description": "Audiences to ask for."}},
    {"token_headers": {**_TEXT_MAP, "description": "More headers for the request to the IdP."}},
    {"token_post_args": {**_TEXT_MAP, "description": "More parameters for the request to the IdP."}},
]
_CACHE_FIELDS = [
    {
        "strategy": {
            **_TEXT,
            "required": True,
            "one_of": ["memory", "redis"],
            "default": "memory",
            "description": "Keep tokens in the plugin server alone, or share them in Redis, sealed.",
        }
    },
    {
        "memory": {
            "type": "record",
            "required": True,
            "fields": [
                {
                    "dictionary_name": {
                        **_TEXT,
                        "required": True,
                        "default": "kong_db_cache",
                        "description": "Instances with the same dictionary and oauth section share a token.",
                    }
                }
            ],
        }
    },
    {"redis": {"type": "record", "required": True, "fields": REDIS_FIELDS}},
    {
        "default_ttl": {
            "type": "number",
            "gt": 0,
            "required": True,
            "default": 3600,
            "description": "Seconds for which a token without expires_in is good.",
        }
    },
    {
        "eagerly_expire": {
            "type": "integer",
            "between": [0, 86400],
            "required": True,
            "default": 5,
            "description": "Seconds before its end at which a token is replaced.",
        }
    },
]
_BEHAVIOR_FIELDS = [
    {
        "upstream_access_token_header_name": {
            **_TEXT,
            "required": True,
            "match": "^[%w_-]+$",
            "default": "Authorization",
            "description": "The header that takes the token to the upstream.",
        }
    },
    {
        "idp_error_response_status_code": {
            "type": "integer",
            "between": [500, 599],
            "required": True,
            "default": 502,
            "description": "Status for the client where there is no token.",
        }
    },
    {
        "idp_error_response_content_type": {
            **_TEXT,
            "required": True,
            "default": "application/json; charset=utf-8",
            "description": "Content type of that answer.",
        }
    },
    {
        "idp_error_response_message": {
            **_TEXT,
            "required": True,
            "default": "Failed to authenticate request to upstream",
            "description": "Message in that answer.",
        }
    },
    {
        "idp_error_response_body_template": {
            **_TEXT,
            "required": True,
            "default": '{ "code": "{{status}}", "message": "{{message}}" }',
            "description": "Body of that answer.",
        }
    },
    {
        "purge_token_on_upstream_status_codes": {
            "type": "array",
            "elements": {"type": "integer", "between": [100, 599]},
            "required": True,
            "default": [401],
            "description": "Upstream statuses that say that the token is no good.",
        }
    },
]
_CLIENT_FIELDS = [
    {
        "auth_method": {
            **_TEXT,
            "required": True,
            "one_of": ["client_secret_post", "client_secret_basic", "client_secret_jwt", "none"],
            "default": "client_secret_post",
            "description": "How the client logs in to the IdP.",
        }
    },
    {
        "client_secret_jwt_alg": {
            **_TEXT,
            "required": True,
            "one_of": ["HS256", "HS512"],
            "default": "HS512",
            "description": "Signature of the login client_secret_jwt.",
        }
    },
    {
        "timeout": {
            "type": "integer",
            "between": [0, 2**31 - 2],
            "required": True,
            "default": 10000,
            "description": "Milliseconds for an exchange with the IdP, all in all.",
        }
    },
    {"ssl_verify": {**_ON, "description": "Check the IdP's certificate and name."}},
    {"ssl_ca_file": {**_TEXT, "description": "PEM file of the authority, on the plugin server's machine."}},
    {"keep_alive": {**_ON, "description": "Keep connections to the IdP."}},
    {
        "http_version": {
            "type": "number",
            "required": True,
            "one_of": [1.0, 1.1],
            "default": 1.1,
            "description": "HTTP version towards the IdP.",
        }
    },
    {"http_proxy": {**_TEXT, "description": "Proxy for an IdP at http://."}},
    {"http_proxy_authorization": {**_TEXT, "description": "Proxy-Authorization for it."}},
    {"https_proxy": {**_TEXT, "description": "Proxy for an IdP at https://."}},
    {"https_proxy_authorization": {**_TEXT, "description": "Proxy-Authorization for it."}},
    {"no_proxy": {**_TEXT, "description": "Hosts without a proxy, separated by commas."}},
]

Schema = (
    {"oauth": {"type": "record", "required": True, "fields": _OAUTH_FIELDS}},
    {"client": {"type": "record", "required": True, "fields": _CLIENT_FIELDS}},
    {"cache": {"type": "record", "required": True, "fields": _CACHE_FIELDS}},
    {"behavior": {"type": "record", "required": True, "fields": _BEHAVIOR_FIELDS}},
)

_TYPE = "Bearer "
# kong/pdk/log.lua, serialize
_MASKED_BY_KONG = frozenset({"authorization", "proxy-authorization"})


class Plugin:
    """One configured token. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        # Imported here: nothing of it is needed for Kong's query of the schema.
        from kong_vault_py.plugin_kit.upstream_oauth.error_page import ErrorPage
        from kong_vault_py.plugin_kit.upstream_oauth.token_request import check_oauth
        from kong_vault_py.plugin_kit.upstream_oauth.token_source import TokenSource
        from kong_vault_py.plugin_kit.upstream_oauth.tokens import TokenRequester

        filled = with_defaults(Schema, config)
        behavior, cache = filled["behavior"], filled["cache"]
        check_oauth(filled["oauth"], filled["client"]["auth_method"])
        self._header = behavior["upstream_access_token_header_name"]
        self._purged_by = frozenset(int(status) for status in behavior["purge_token_on_upstream_status_codes"])
        self._page = ErrorPage.of(behavior)
        self._eagerly_expire_s = float(cache["eagerly_expire"])
        self._requester = TokenRequester(bind({name: filled[name] for name in ("oauth", "client", "cache")}))
        place = cache["redis"] if cache["strategy"] == "redis" else cache["memory"]
        self._source = TokenSource.shared(
            _digest([filled["oauth"], cache["strategy"], place]), lambda: TokenSource(_store(filled["oauth"], cache))
        )

    @closed
    def access(self, kong: Any) -> None:
        """Give the request its token; without one, nothing goes upstream."""
        try:
            token = self._source.current(self._requester.obtain, self._eagerly_expire_s)
        except VaultError:
            token = None
        self._tell(kong)
        if token is None:
            kong.response.exit(self._page.status, self._page.body, self._page.headers)
        else:
            kong.service.request.set_header(self._header, _TYPE + token.reveal())
            if self._header.lower() not in _MASKED_BY_KONG:
                kong.log.set_serialize_value(f"request.headers.{self._header.lower()}", "REDACTED", {"mode": "replace"})

    def log(self, kong: Any) -> None:
        """Forget a token that the upstream refused: the next request gets a new one."""
        if not self._purged_by:
            return
        kong = pdk(kong)
        if kong.response.get_status() not in self._purged_by:
            return
        sent = kong.request.get_header(self._header) or ""
        if sent.startswith(_TYPE):
            self._source.purge(Secret(sent[len(_TYPE) :]))
            self._tell(kong)

    def _tell(self, kong: Any) -> None:
        for level, text in self._source.take_news():
            getattr(kong.log, level)(text)


def _store(oauth: Mapping[str, Any], cache: Mapping[str, Any]) -> Any:
    if cache["strategy"] != "redis":
        return None
    from kong_vault_py.plugin_kit.redis_access import RedisAccess
    from kong_vault_py.plugin_kit.redis_settings import check_topology
    from kong_vault_py.plugin_kit.upstream_oauth.token_store import TokenStore

    check_topology(cache["redis"])
    return TokenStore(RedisAccess(bind({"redis": cache["redis"]})), bind({"oauth": oauth}).current)


def _digest(sections: list[Any]) -> str:
    """Return what tells configs apart, without keeping what they say."""
    return hashlib.sha256(json.dumps(sections, sort_keys=True).encode()).hexdigest()
