"""vault-hmac-signer: signs the request on its way upstream, with a key that is a vault reference."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin import bind
from kong_vault_py.plugin_kit.client_request import Headers, RequestRefusedError, read_body, read_headers
from kong_vault_py.plugin_kit.closed import closed
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing
from kong_vault_py.plugin_kit.signing.signer import Signer, make_signer

version = "0.1.0"
priority = 50

_TEXT = {"type": "string"}
_ON = {"type": "boolean", "required": True, "default": True}

_HMAC_FIELDS = [
    {"username": {**_TEXT, "description": "The key's name for the upstream; a reference, or a plain text."}},
    {"secret": {**_TEXT, "description": "The key: a vault reference, taken byte for byte."}},
    {
        "algorithm": {
            "type": "string",
            "required": True,
            "one_of": ["hmac-sha256", "hmac-sha384", "hmac-sha512"],
            "default": "hmac-sha256",
            "description": "The hash function of the signature.",
        }
    },
    {
        "headers": {
            "type": "array",
            "required": True,
            "elements": {"type": "string", "match": "^[%w@()_-]+$"},
            "default": ["@request-target"],
            "description": "What to sign besides time and digest: headers, @request-target, (request-target), "
            "request-line.",
        }
    },
    {
        "scheme": {
            "type": "string",
            "required": True,
            "one_of": ["hmac", "signature"],
            "default": "hmac",
            "description": "hmac as Kong's hmac-auth reads it, signature as in draft-cavage-http-signatures.",
        }
    },
    {
        "header": {
            "type": "string",
            "required": True,
            "one_of": ["Authorization", "Proxy-Authorization", "Signature"],
            "default": "Authorization",
            "description": "The header for the signature.",
        }
    },
    {
        "date_header": {
            "type": "string",
            "required": True,
            "one_of": ["Date", "X-Date"],
            "default": "Date",
            "description": "The header for the time of signing, which is always signed.",
        }
    },
    {"digest": {**_ON, "description": "Send and sign a Digest header of the body (SHA-256)."}},
]
_AWS_FIELDS = [
    {"access_key_id": {**_TEXT, "description": "The access key's id; a reference, or a plain text."}},
    {"secret_access_key": {**_TEXT, "description": "The secret access key: a vault reference."}},
    {"session_token": {**_TEXT, "description": "The session token of temporary credentials: a reference."}},
    {"region": {**_TEXT, "match": "^[%w-]+$", "description": "The AWS region, such as eu-central-1."}},
    {"service": {**_TEXT, "match": "^[%w-]+$", "description": "The service's signing name, such as execute-api."}},
    {"sign_body": {**_ON, "description": "Sign the body. Without: UNSIGNED-PAYLOAD, which S3 alone takes."}},
]
_WEBHOOK_FIELDS = [
    {
        "secrets": {
            "type": "array",
            "elements": {"type": "string"},
            "len_max": 5,
            "description": "The keys, each a vault reference to whsec_...; each adds a signature.",
        }
    },
    {
        "id_header": {
            **_TEXT,
            "match": "^[%w_-]+$",
            "description": "The client's header with the message id. Without: a new id for each request.",
        }
    },
]

Schema = (
    {
        "scheme": {
            "type": "string",
            "required": True,
            "one_of": ["hmac", "aws-sigv4", "standard-webhooks"],
            "description": "How to sign; the section of that name has the keys.",
        }
    },
    {"hmac": {"type": "record", "required": True, "fields": _HMAC_FIELDS}},
    {"aws": {"type": "record", "required": True, "fields": _AWS_FIELDS}},
    {"webhook": {"type": "record", "required": True, "fields": _WEBHOOK_FIELDS}},
    {
        "host": {
            **_TEXT,
            "description": "The Host header to sign and to send. Without: the route's or the service's.",
        }
    },
    {
        "max_body_bytes": {
            "type": "integer",
            "between": [0, 104857600],
            "required": True,
            "default": 1048576,
            "description": "Requests with a larger body are answered with 413, where the body has to be signed.",
        }
    },
)

_DEFAULT_PORTS = {"http": 80, "https": 443, "grpc": 80, "grpcs": 443}


class Plugin:
    """One configured way of signing. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        filled = with_defaults(Schema, config)
        self._signer: Signer = make_signer(filled)
        self._host = filled["host"]
        self._max_body_bytes = filled["max_body_bytes"]
        self._bound = bind(self._signer.keys)

    @closed
    def access(self, kong: Any) -> None:
        """Set the signature's headers; without a key, or with a body that can't be read, nothing goes upstream."""
        keys = self._bound.current()
        try:
            headers = read_headers(kong)
            request = self._outgoing(kong, headers)
        except RequestRefusedError as refused:
            kong.log.err(f"can't sign the request: {refused.message}")
            kong.response.exit(refused.status, {"message": refused.message})
            return
        signed = self._signer.sign(request, keys, time.time())
        if self._signer.needs_host:
            signed["host"] = request.host
        kong.service.request.set_headers({_spelled(name): value for name, value in signed.items()})
        for name in self._signer.replaced - signed.keys() & headers.keys():
            kong.service.request.clear_header(name)

    def _outgoing(self, kong: Any, headers: Headers) -> Outgoing:
        needs_method = self._signer.needs_target or "content-length" not in headers
        method = kong.request.get_method() if needs_method else ""
        body = None
        if self._signer.needs_body:
            body = read_body(kong, headers, self._max_body_bytes, method=method)
        path = query = ""
        if self._signer.needs_target:
            path = kong.nginx.get_var("upstream_uri") or "/"
            query = kong.request.get_raw_query() or ""
        return Outgoing(method, path, query, headers, body, self._host_of(kong) if self._signer.needs_host else "")

    def _host_of(self, kong: Any) -> str:
        """Return the Host header as Kong will send it (kong/runloop/balancer/init.lua, set_host_header)."""
        if self._host:
            return str(self._host)
        preserved = kong.nginx.get_var("upstream_host")
        if preserved:
            return str(preserved)
        service = kong.router.get_service() or {}
        if not service.get("host"):
            raise ConfigError("the route has no service: set 'host' to the name that the upstream goes by")
        port = service.get("port")
        default = _DEFAULT_PORTS.get(service.get("protocol") or "http")
        return str(service["host"]) if port in (None, default) else f"{service['host']}:{port}"


def _spelled(name: str) -> str:
    return "-".join(part.capitalize() for part in name.split("-"))
