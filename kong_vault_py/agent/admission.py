"""Who may ask: nobody through a proxy, nobody by a foreign host name, over TCP only who has the token."""

from __future__ import annotations

from typing import Any

from kong_vault_py.agent.options import Door
from kong_vault_py.agent.refusal import Refusal
from kong_vault_py.agent.token_file import TokenFile

__all__ = ["DOOR", "TOKEN_HEADER", "admit"]

#: Where the server puts the door that a request came by, in the WSGI environment.
DOOR = "kong_vault.door"
TOKEN_HEADER = "X-Kong-Vault-Token"  # noqa: S105  # its name

_TOKEN_KEY = "HTTP_X_KONG_VAULT_TOKEN"  # noqa: S105
_FORWARDED = ("HTTP_FORWARDED", "HTTP_X_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")
#: They tell nothing but that the agent runs: probes need no token.
_OPEN = frozenset({"/v1/health", "/v1/ready"})


def admit(environ: dict[str, Any], token: TokenFile | None) -> None:
    """Let a request in.

    Args:
        environ: the request's WSGI environment.
        token: what requests over TCP carry.

    Raises:
        Refusal: it was forwarded, names another host, has no token, or a path that only looks like one of ours.
    """
    door: Door = environ[DOOR]
    for key in environ:
        if key.startswith(_FORWARDED):
            raise Refusal(403, "forwarded", "forwarded requests are refused: ask the agent directly")
    if environ["PATH_INFO"].startswith("//"):
        raise Refusal(404, "unknown_path", "unknown path: see the agent's protocol")
    if door.hosts is not None and environ.get("HTTP_HOST", "").lower() not in door.hosts:
        raise Refusal(403, "forwarded", "the Host header names another host: ask by localhost or a loopback address")
    if door.needs_token and environ["PATH_INFO"] not in _OPEN:
        presented = environ.get(_TOKEN_KEY, "")
        if token is None or not token.matches(presented):
            problem = "is wrong" if presented else "is missing"
            raise Refusal(401, "token", f"the token in {TOKEN_HEADER} {problem}")
