"""The request as it will reach the upstream, for signing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.client_request import Headers

__all__ = ["CHANGED_BY_KONG", "Outgoing", "check_signable", "one_line"]

#: Headers that Kong and Nginx write after every plugin: what is signed would not be what is sent.
CHANGED_BY_KONG = frozenset(
    {
        *("connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade", "via", "x-real-ip"),
        *("x-forwarded-for", "x-forwarded-host", "x-forwarded-path", "x-forwarded-port", "x-forwarded-prefix"),
        *("x-forwarded-proto", "x-kong-request-id"),
    }
)


@dataclass(frozen=True, repr=False)
class Outgoing:
    """A request on its way upstream.

    Attributes:
        method: in capitals.
        path: as it stands in the upstream's request line, encoded.
        query: likewise, "" for none.
        headers: names in lower case, with those that the plugin itself is going to set.
        body: the whole body; ``None`` where it isn't part of the signature.
        host: the Host header that the upstream gets.
    """

    method: str
    path: str
    query: str
    headers: Headers
    body: bytes | None
    host: str

    @property
    def target(self) -> str:
        """Path and query."""
        return f"{self.path}?{self.query}" if self.query else self.path

    def value(self, name: str, added: Mapping[str, str]) -> str | None:
        """Return a header's value, several joined by commas; ``added`` are the headers that signing adds."""
        if name == "host":
            return self.host
        if name in added:
            return added[name]
        values = self.headers.get(name)
        return None if values is None else ", ".join(value.strip() for value in values)


def check_signable(names: list[str]) -> None:
    """Check which headers are to be signed.

    Raises:
        ConfigError: Kong changes one of them after signing.
    """
    for name in names:
        if name.lower() in CHANGED_BY_KONG:
            raise ConfigError(f"header '{name}' can't be signed: Kong writes it anew on the way upstream")


def one_line(what: str, text: str) -> str:
    """Return a value for a header.

    Raises:
        ConfigError: it holds what would end the header, or a quoted part of it.
    """
    stripped = text.strip()
    if not stripped or '"' in stripped or not stripped.isprintable():
        raise ConfigError(f"{what} is empty, or holds quotes or control characters")
    return stripped
