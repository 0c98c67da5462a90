"""What upstreams learn of the caller: Kong's consumer headers, and none that the client made up.

As ``set_consumer`` of ``kong/plugins/key-auth/handler.lua``; headers that only look the same once hyphens and
underscores are folded together, as CGI and WSGI do, are cleared too.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from kong_vault_py.plugin_kit.client_request import Headers

__all__ = ["IDENTITY_HEADERS", "identity_headers", "spoofed_headers"]

_ANONYMOUS = "X-Anonymous-Consumer"
_CREDENTIAL = "X-Credential-Identifier"
_CONSUMER = {"X-Consumer-ID": "id", "X-Consumer-Custom-ID": "custom_id", "X-Consumer-Username": "username"}

#: In the order of Kong's constants.
IDENTITY_HEADERS = (*_CONSUMER, _CREDENTIAL, _ANONYMOUS)

_FOLDED = {name.lower(): name for name in IDENTITY_HEADERS}


def identity_headers(consumer: Mapping[str, Any], credential_id: str | None) -> dict[str, str]:
    """Return the headers to set.

    Args:
        consumer: the consumer as Kong gives it.
        credential_id: ``None`` for the anonymous consumer.
    """
    known = {name: str(consumer[field]) for name, field in _CONSUMER.items() if consumer.get(field)}
    return {**known, **({_ANONYMOUS: "true"} if credential_id is None else {_CREDENTIAL: credential_id})}


def spoofed_headers(headers: Headers, written: Mapping[str, str]) -> list[str]:
    """Return the client's headers to clear: those of our names that are not overwritten anyway."""
    overwritten = {name.lower() for name in written}
    return [name for name in headers if name.replace("_", "-") in _FOLDED and name not in overwritten]
