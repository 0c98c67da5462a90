"""The manager's data plane API for Config Stores, in this process and strict: for the konnect strategy's tests."""

from __future__ import annotations

import secrets
from urllib.parse import unquote

from tests.servers.certificates import Certificates
from tests.servers.json_server import JsonServer, Reply, Request

STORE_ID = "5f1d7a93-0d3c-4a57-8f5e-2f8b8a1f7a11"
_PREFIX = "/dataplane/v1/config-stores/"


class ConfigStoreApi(JsonServer):
    """One Config Store, and the tokens of nodes that may read it; a context manager.

    Args:
        tls: the server's certificate, for https.

    Attributes:
        token: a node's that may read everything.
        violations: what no client should ever send.
    """

    def __init__(self, tls: Certificates | None = None) -> None:
        super().__init__(self._respond, tls)
        self.token = self.new_token()
        self.violations: list[str] = []
        self._values: dict[str, list[str]] = {}
        self._denied: set[tuple[str, str]] = set()

    def new_token(self) -> str:
        """Make a token."""
        token = f"kvn_{secrets.token_hex(20)}"
        self._tokens = {*getattr(self, "_tokens", ()), token}
        return token

    def revoke(self, token: str) -> None:
        """Know a token no longer."""
        self._tokens.discard(token)

    def put(self, key: str, value: str) -> int:
        """Write a new version, and return its number."""
        versions = self._values.setdefault(key, [])
        versions.append(value)
        return len(versions)

    def remove(self, key: str) -> None:
        """Delete a secret."""
        del self._values[key]

    def deny(self, token: str, key: str) -> None:
        """Keep a secret from a node."""
        self._denied.add((token, key))

    def _respond(self, request: Request) -> Reply:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer":
            self.violations.append(f"authorization by {scheme!r}")
        if request.method != "GET" or not request.path.startswith(_PREFIX):
            self.violations.append(f"{request.method} {request.path}")
            return Reply({"detail": "Not Found"}, 404)
        if token not in self._tokens:
            return Reply({"message": "Invalid node token"}, 401)
        return self._read(request, token)

    def _read(self, request: Request, token: str) -> Reply:
        # Before decoding: a key is one part of the path.
        parts = request.path.removeprefix(_PREFIX).split("/")
        if len(parts) != 3 or parts[1] != "secrets" or not set(request.query) <= {"version"}:
            self.violations.append(f"GET {request.path} {request.query}")
            return Reply({"detail": "Not Found"}, 404)
        store, key = unquote(parts[0]), unquote(parts[2], errors="strict")
        if store != STORE_ID:
            return Reply({"message": "No such Config Store"}, 404)
        if (token, key) in self._denied:
            return Reply({"message": "This node may not read it"}, 403)
        versions = self._values.get(key, [])
        wanted = request.query.get("version")
        if wanted is not None and not wanted.isdecimal():
            self.violations.append(f"version {wanted!r}")
        number = len(versions) if wanted is None else int(wanted)
        if not 1 <= number <= len(versions):
            return Reply({"message": "No such secret or version"}, 404)
        return Reply({"key": key, "value": versions[number - 1], "version": number})
