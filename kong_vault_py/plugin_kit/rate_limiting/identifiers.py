"""Whose requests are counted together: by consumer, credential, address, service, route, header or path."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

from kong_vault_py.errors import ConfigError

__all__ = ["IDENTIFIERS", "Identifier"]

Reader = Callable[[Any], "str | None"]


class Identifier:
    """Says who a request comes from, in the sense of the config, with as few calls to Kong as that takes.

    What can't be said (no consumer, no such header) becomes the client's address, as in Kong
    (kong/plugins/rate-limiting/handler.lua, get_identifier). The kind is part of the answer: a header that reads like
    an address doesn't use up that address's limit.

    Args:
        config: the plugin's.

    Raises:
        ConfigError: ``header_name`` or ``path`` is missing.
    """

    def __init__(self, config: Mapping[str, Any]) -> None:
        kinds = config["compound_identifier"] or [config["identifier"]]
        for kind, option in (("header", "header_name"), ("path", "path")):
            if kind in kinds and not config[option]:
                raise ConfigError(f"identifier '{kind}' needs the option '{option}'")
        self._readers = [(kind, _READERS[kind](config)) for kind in kinds]

    def of(self, kong: Any) -> str:
        """Return 32 hexadecimal digits: a header may hold a secret, or a megabyte."""
        address = None
        parts = []
        for kind, read in self._readers:
            value = read(kong)
            if value:
                parts.append(f"{kind}:{len(value)}:{value}")
            else:
                address = address or kong.client.get_forwarded_ip() or ""
                parts.append(f"ip:{len(address)}:{address}")
        return hashlib.blake2b("".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()


def _consumer(config: Mapping[str, Any]) -> Reader:
    attribute = (config["counter_key"] or "consumer.id").removeprefix("consumer.")
    scoped = config.get("consumer_id") if attribute == "id" else None

    def read(kong: Any) -> str | None:
        consumer = kong.client.get_consumer()
        if not consumer:
            return _credential_id(kong)
        named = attribute if consumer.get(attribute) else "id"
        return f"{named}:{consumer[named]}"

    return (lambda _: f"id:{scoped}") if scoped else read


def _credential_id(kong: Any) -> str | None:
    return (kong.client.get_credential() or {}).get("id")


def _entity(kind: str) -> Callable[[Mapping[str, Any]], Reader]:
    def make(config: Mapping[str, Any]) -> Reader:
        # Kong says where the plugin is configured; then there is nothing to ask.
        scoped = config.get(f"{kind}_id")
        return lambda kong: scoped or (getattr(kong.router, f"get_{kind}")() or {}).get("id")

    return make


def _path(config: Mapping[str, Any]) -> Reader:
    def read(kong: Any) -> str | None:
        path = kong.request.get_path()
        return path if path == config["path"] else None

    return read


_READERS: Mapping[str, Callable[[Mapping[str, Any]], Reader]] = {
    "consumer": _consumer,
    "credential": lambda _: _credential_id,
    "header": lambda config: lambda kong: kong.request.get_header(config["header_name"]),
    "ip": lambda _: lambda _: None,
    "path": _path,
    "route": _entity("route"),
    "service": _entity("service"),
}

#: Values of ``identifier`` and of each entry of ``compound_identifier``.
IDENTIFIERS = list(_READERS)
