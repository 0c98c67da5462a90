"""vault-request-transformer: changes requests on their way upstream, with vault references inside the values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kong_vault_py import Secret, VaultError
from kong_vault_py.plugin import bind, pdk
from kong_vault_py.plugin_kit.schema_defaults import with_defaults
from kong_vault_py.plugin_kit.transform.body import BodyKind, body_kind, change_body
from kong_vault_py.plugin_kit.transform.headers import change_headers
from kong_vault_py.plugin_kit.transform.parameters import change_parameters
from kong_vault_py.plugin_kit.transform.rules import TARGETS, Rules, cut_items, rules_for

version = "0.1.0"
priority = 801

_ITEMS = {"type": "array", "elements": {"type": "string"}, "required": True, "default": []}
_TARGET_FIELDS = [{target: _ITEMS} for target in TARGETS]
_SECTION = {"type": "record", "required": True, "fields": _TARGET_FIELDS}
_JSON_TYPES = {
    "type": "array",
    "elements": {"type": "string", "one_of": ["boolean", "number", "string"]},
    "default": [],
}
_TYPED_SECTION = {**_SECTION, "fields": [*_TARGET_FIELDS, {"json_types": _JSON_TYPES}]}

Schema = (
    {"http_method": {"type": "string", "match": "^%u+$"}},
    {"remove": _SECTION},
    {"rename": _SECTION},
    {"replace": {**_SECTION, "fields": [*_TYPED_SECTION["fields"], {"uri": {"type": "string"}}]}},
    {"add": _TYPED_SECTION},
    {"append": _TYPED_SECTION},
    {
        "allow": {
            "type": "record",
            "required": True,
            "fields": [{"body": {"type": "array", "elements": {"type": "string"}}}],
        }
    },
    {"dots_in_keys": {"type": "boolean", "default": True}},
)

# kong.request.get_headers' own limit: with its default of 100, a header beyond would silently be missing.
_MAX_HEADERS = 1000
# Kong reads a body that it keeps in a file back for us, up to this size; beyond, its answer would be a 500.
_MAX_BODY_BYTES = 10 * 1024 * 1024
_METHODS_WITHOUT_BODY = frozenset({"GET", "HEAD", "TRACE"})


class Plugin:
    """One configured transformer. Requests run in it side by side."""

    def __init__(self, config: Mapping[str, Any]) -> None:
        self._bound = bind(cut_items(with_defaults(Schema, config)))

    def access(self, kong: Any) -> None:
        """Apply the rules; a value that can't be resolved ends the request with 503."""
        kong = pdk(kong)
        try:
            config = self._bound.current()
            rules = {target: rules_for(target, config) for target in TARGETS}
            _Transformation(kong, config, rules).run()
        except VaultError as error:
            # In the stock server an exception would let the request through, after 60 seconds.
            kong.log.err(str(error))
            kong.response.exit(503, {"message": "Service unavailable"})


class _Transformation:
    """The changes to one request. What was read of it is kept, so that nothing is asked of Kong twice."""

    def __init__(self, kong: Any, config: Mapping[str, Any], rules: Mapping[str, Rules]) -> None:
        self._kong = kong
        self._upstream = kong.service.request
        self._rules = rules
        self._uri = config["replace"]["uri"]
        self._method = (config["http_method"] or "").upper()
        needs_headers = rules["headers"] or rules["body"] or self._method in _METHODS_WITHOUT_BODY
        self._headers = _headers(kong.request.get_headers(_MAX_HEADERS)) if needs_headers else {}
        self._body: bytes | None = None

    def run(self) -> None:
        """Change path, method, headers, body and query: in Kong's order."""
        if self._uri:
            self._upstream.set_path(_text(self._uri))
        if self._method:
            self._upstream.set_method(self._method)
        moves_form = self._method in _METHODS_WITHOUT_BODY and self._kind() is BodyKind.FORM
        form = self._read_body() if moves_form else b""
        self._change_headers()
        changes_body = bool(self._rules["body"]) and self._kind() is not None
        body = self._read_body() if changes_body else b""
        if form is None or body is None:
            # Passing it on unchanged would skip a removal, or send a placeholder where a secret belongs.
            self._kong.log.err("the request's body is too large to be changed")
            self._kong.response.exit(413, {"message": "Request body too large"})
            return
        changed = change_body(body, self._content_type(), self._rules["body"]) if changes_body else None
        if changed is not None:
            self._upstream.set_raw_body(changed)
        self._change_query(form.decode("utf-8", "surrogateescape"))

    def _change_headers(self) -> None:
        if not self._rules["headers"]:
            return
        changes = change_headers(self._headers, self._rules["headers"])
        self._headers = changes.result
        for name in changes.cleared:
            self._upstream.clear_header(name)
        if changes.written:
            self._upstream.set_headers(changes.written)

    def _change_query(self, form: str) -> None:
        """Apply the rules for the query; ``form`` is a body that moves there because the method takes none."""
        if not (form or self._rules["querystring"]):
            return
        before = self._kong.request.get_raw_query() or ""
        after = change_parameters("&".join(filter(None, (before, form))), self._rules["querystring"])
        if after != before:
            self._upstream.set_raw_query(after)

    def _read_body(self) -> bytes | None:
        """Return the client's body, ``None`` where it is too large."""
        if int((self._headers.get("content-length") or ["0"])[0]) > _MAX_BODY_BYTES:
            return None
        if self._body is None:
            body = self._kong.request.get_raw_body(_MAX_BODY_BYTES)
            self._body = body.encode("utf-8", "surrogateescape") if isinstance(body, str) else body
        return self._body

    def _content_type(self) -> str:
        values = self._headers.get("content-type") or [""]
        return values[0]

    def _kind(self) -> BodyKind | None:
        return body_kind(self._content_type())


def _headers(headers: Mapping[str, Any] | None) -> Mapping[str, Sequence[str]]:
    return {
        name.lower(): list(values) if isinstance(values, (list, tuple)) else [values]
        for name, values in (headers or {}).items()
    }


def _text(value: str | Secret) -> str:
    return value.reveal() if isinstance(value, Secret) else value
