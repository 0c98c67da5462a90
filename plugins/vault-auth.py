"""vault-auth: access token and secret token, checked against a record in any vault, as Kong's Vault Authentication."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.plugin_kit.client_request import RequestRefusedError, read_body, read_headers
from kong_vault_py.plugin_kit.closed import closed
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from kong_vault_py.plugin_kit.transform.body import body_kind
from kong_vault_py.plugin_kit.vault_auth.credentials import Credentials
from kong_vault_py.plugin_kit.vault_auth.identity import identity_headers, spoofed_headers
from kong_vault_py.plugin_kit.vault_auth.parameters import Parameters, names_of
from kong_vault_py.plugin_kit.vault_auth.record import Record

version = "0.1.0"
priority = 1350

_NAMES = {"type": "string", "required": True, "match": "^[%w_,%s-]+$"}

Schema = (
    {
        "access_token_name": {
            **_NAMES,
            "default": "access_token",
            "description": "Names of the header or parameter with the access token, separated by commas.",
        }
    },
    {
        "secret_token_name": {
            **_NAMES,
            "default": "secret_token",
            "description": "Names of the header or parameter with the secret token, separated by commas.",
        }
    },
    {
        "vault": {
            "type": "string",
            "required": True,
            "match": "^[%w_-]+$",
            "description": "The prefix of the vault that holds the credentials, or the name of a strategy.",
        }
    },
    {
        "path": {
            "type": "string",
            "len_max": 512,
            "match": "^[%w_.~/-]+$",
            "description": "The folder of the credentials in the vault. Without it: the vault's top.",
        }
    },
    {
        "ttl": {
            "type": "number",
            "between": [1, 86400],
            "required": True,
            "default": 300,
            "description": "Seconds after which the vault is asked for a credential again, in the background.",
        }
    },
    {
        "tokens_in_body": {
            "type": "boolean",
            "required": True,
            "default": False,
            "description": "Look for the tokens in the body too: JSON, form or multipart.",
        }
    },
    {
        "hide_credentials": {
            "type": "boolean",
            "required": True,
            "default": True,
            "description": "Take the tokens out of the request before it goes upstream.",
        }
    },
    {
        "anonymous": {
            "type": "string",
            "description": "Id or username of the consumer that requests without valid tokens go on as.",
        }
    },
    {
        "run_on_preflight": {
            "type": "boolean",
            "required": True,
            "default": True,
            "description": "Authenticate OPTIONS requests too; otherwise they always pass.",
        }
    },
)

_MAX_BODY_BYTES = 10 * 1024 * 1024


class Plugin:
    """One configured authentication. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._config = with_defaults(Schema, config)
        self._credentials = Credentials(self._config["vault"], self._config["path"], self._config["ttl"])
        self._access_names = names_of(self._config["access_token_name"])
        self._secret_names = names_of(self._config["secret_token_name"])
        self._names = (*self._access_names, *self._secret_names)

    @closed
    def access(self, kong: Any) -> None:
        """Let a request with a valid token pair pass as its consumer; answer others, or pass them as anonymous."""
        if not self._config["run_on_preflight"] and kong.request.get_method() == "OPTIONS":
            return
        if self._config["anonymous"] and kong.client.get_credential():
            return  # another authentication plugin knew the client: one of them is enough
        try:
            parameters = self._parameters(kong)
        except RequestRefusedError as refused:
            kong.response.error(refused.status, refused.message)
            return
        record, consumer = self._authenticated(kong, parameters)
        if record is not None:
            kong.client.authenticate(consumer, {"id": record.id, "consumer": {"id": consumer["id"]}})
        elif self._config["anonymous"]:
            consumer = kong.client.load_consumer(self._config["anonymous"], True)
            if not consumer:
                kong.log.err(f"the anonymous consumer '{self._config['anonymous']}' doesn't exist")
                kong.response.error(500, "An unexpected error occurred")
                return
            kong.client.authenticate(consumer)
        else:
            kong.response.error(401, "Unauthorized", {"WWW-Authenticate": "Vault"})
            return
        self._pass_on(kong, parameters, identity_headers(consumer, record.id if record else None))

    def _parameters(self, kong: Any) -> Parameters:
        """Read headers, query and body: each only where it can matter."""
        headers = read_headers(kong)
        read = Parameters(headers)
        in_headers = read.find(self._access_names) and read.find(self._secret_names)
        hides = self._config["hide_credentials"]
        query = kong.request.get_raw_query() or "" if hides or not in_headers else ""
        read = Parameters(headers, query)
        if not self._config["tokens_in_body"] or body_kind((headers.get("content-type") or [""])[0]) is None:
            return read
        if not hides and read.find(self._access_names) and read.find(self._secret_names):
            return read
        return Parameters(headers, query, read_body(kong, headers, _MAX_BODY_BYTES))

    def _authenticated(self, kong: Any, parameters: Parameters) -> tuple[Record | None, Mapping[str, Any]]:
        access_token, secret_token = parameters.find(self._access_names), parameters.find(self._secret_names)
        if access_token is None or secret_token is None:
            return None, {}
        record = self._credentials.verify(access_token, secret_token, kong.log.warn)
        if record is None:
            return None, {}
        wanted = (record.consumer, True) if record.by_username else (record.consumer,)
        consumer = kong.client.load_consumer(*wanted)
        if not consumer:
            self._credentials.tell(access_token, f"Kong has no consumer '{record.consumer}'", kong.log.warn)
            return None, {}
        return record, consumer

    def _pass_on(self, kong: Any, parameters: Parameters, identity: Mapping[str, str]) -> None:
        """Tell the upstream who calls, and hide the tokens; every change is a PDK call, so only what differs."""
        upstream = kong.service.request
        upstream.set_headers(identity)
        cleared = spoofed_headers(parameters.headers, identity)
        if self._config["hide_credentials"]:
            cleared += parameters.headers_named(self._names)
            query, body = parameters.query_without(self._names), parameters.body_without(self._names)
            if query is not None:
                upstream.set_raw_query(query)
            if body is not None:
                upstream.set_raw_body(body)
        for name in dict.fromkeys(cleared):
            upstream.clear_header(name)
