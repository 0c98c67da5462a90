"""The parameters of a request that may hold tokens: headers, query, body; and the request without them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from kong_vault_py.plugin_kit.client_request import Headers
from kong_vault_py.plugin_kit.transform.body import BodyKind, body_kind, change_body
from kong_vault_py.plugin_kit.transform.parameters import change_parameters
from kong_vault_py.plugin_kit.transform.rules import Rules

__all__ = ["Parameters", "names_of"]

_Values = Mapping[str, Sequence[str]]


def names_of(text: str) -> tuple[str, ...]:
    """Return the names in a comma-separated list."""
    return tuple(filter(None, (name.strip() for name in text.split(","))))


@dataclass(frozen=True, repr=False)
class Parameters:
    """What a client sent, as far as it was read.

    Attributes:
        headers: names in lower case.
        query: the raw query.
        body: ``None`` where bodies aren't looked into.
    """

    headers: Headers
    query: str = ""
    body: bytes | None = None

    def find(self, names: Sequence[str]) -> str | None:
        """Return the value of the first of the names that is there: in a header, else the query, else the body.

        Returns:
            ``None`` where no name is there, or one has several values: nobody can tell which is meant.
        """
        places = (self._headers(), self._query(), self._body())
        for name in names:
            for place, known in zip(places, (_plain(name), name, name), strict=True):
                values = place.get(known)
                if values:
                    return values[0] if len(values) == 1 and values[0] else None
        return None

    def headers_named(self, names: Sequence[str]) -> list[str]:
        """Return the headers that go by one of the names, hyphens and underscores being the same."""
        wanted = {_plain(name) for name in names}
        return [name for name in self.headers if _plain(name) in wanted]

    def query_without(self, names: Sequence[str]) -> str | None:
        """Return the query without these parameters, ``None`` where it has none of them."""
        if not self._query().keys() & set(names):
            return None
        return change_parameters(self.query, Rules(remove=tuple(names)))

    def body_without(self, names: Sequence[str]) -> bytes | None:
        """Return the body without these parameters, ``None`` where it has none of them."""
        return change_body(self.body, self._content_type(), Rules(remove=tuple(names))) if self.body else None

    def _headers(self) -> _Values:
        # As in Lua's table of headers, access_token finds Access-Token too.
        found: dict[str, list[str]] = {}
        for name, values in self.headers.items():
            found.setdefault(_plain(name), []).extend(values)
        return found

    def _query(self) -> _Values:
        return _grouped(parse_qsl(self.query, keep_blank_values=True, errors="surrogateescape"))

    def _body(self) -> _Values:
        kind = body_kind(self._content_type()) if self.body else None
        if not self.body or kind is None:
            return {}
        if kind is BodyKind.FORM:
            text = self.body.decode("utf-8", "surrogateescape")
            return _grouped(parse_qsl(text, keep_blank_values=True, errors="surrogateescape"))
        return _json(self.body) if kind is BodyKind.JSON else _multipart(self.body, self._content_type())

    def _content_type(self) -> str:
        return (self.headers.get("content-type") or [""])[0]


def _plain(name: str) -> str:
    return name.lower().replace("_", "-")


def _grouped(pairs: Sequence[tuple[str, str]]) -> _Values:
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def _json(body: bytes) -> _Values:
    def grouped(pairs: list[tuple[str, Any]]) -> dict[str, list[Any]]:
        found: dict[str, list[Any]] = {}
        for name, value in pairs:
            found.setdefault(name, []).append(value)
        return found

    try:
        members = json.loads(body, object_pairs_hook=grouped)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(members, dict):
        return {}
    return {name: values for name, values in members.items() if all(isinstance(value, str) for value in values)}


def _multipart(body: bytes, content_type: str) -> _Values:
    import email
    import email.policy

    head = f"Content-Type: {content_type}\r\n\r\n".encode("utf-8", "surrogateescape")
    message = email.message_from_bytes(head + body, policy=email.policy.HTTP)
    found: dict[str, list[str]] = {}
    for part in message.iter_parts() if message.is_multipart() else ():
        name = part.get_param("name", header="content-disposition")
        payload = part.get_payload(decode=True)
        if isinstance(name, str) and isinstance(payload, bytes):
            found.setdefault(name, []).append(payload.decode("utf-8", "surrogateescape"))
    return found
