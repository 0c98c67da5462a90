"""Which server to talk to, and what its options are called."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Endpoint"]


@dataclass(frozen=True)
class Endpoint:
    """A vault's server.

    Attributes:
        vault: the strategy's name, for logs.
        url: the base URL.
        options: the options that say where it is, for error texts ("options 'host' and 'port'").
        ssl_verify: verify its certificate.
        ca_cert: file (PEM) of its certificate authority; ``None`` for the public ones.
    """

    vault: str
    url: str
    options: str
    ssl_verify: bool = True
    ca_cert: str | None = None
