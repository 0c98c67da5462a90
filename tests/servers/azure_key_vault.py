"""A key vault's secrets as Azure serves them: versions, paging, challenges, permissions, disabled secrets.

Written after the public REST description and the traffic that Microsoft's SDKs recorded for their own tests. Values
may be larger here than Azure's 25 KB.
"""

from __future__ import annotations

import base64
import itertools
import re
import secrets
from dataclasses import dataclass, field

from tests.servers.azure_logins import AzureLogins
from tests.servers.json_server import Reply, Request

_PAGE = 2
_PATH = re.compile(r"/secrets/([0-9A-Za-z-]{1,127})(?:/([0-9A-Za-z]+))?/?")


@dataclass
class Version:
    """One version of a secret."""

    value: str
    created_s: int
    content_type: str | None = None
    enabled: bool = True
    name: str = field(default_factory=lambda: secrets.token_hex(16))

    def item(self, url: str, secret: str) -> dict[str, object]:
        """Return what lists say of it: everything but the value."""
        attributes = {"enabled": self.enabled, "created": self.created_s, "updated": self.created_s}
        shown: dict[str, object] = {"id": f"{url}/secrets/{secret}/{self.name}", "attributes": attributes}
        return shown | ({"contentType": self.content_type} if self.content_type is not None else {})


class AzureKeyVault:
    """The secrets of one vault, by lower-case name as Azure compares them.

    Args:
        logins: whose tokens it takes.

    Attributes:
        denied: pairs of principal and secret: who may not read what.
        shut_out: principals that the firewall keeps out.
    """

    def __init__(self, logins: AzureLogins) -> None:
        self._logins = logins
        self._secrets: dict[str, list[Version]] = {}
        self._seconds = itertools.count(1_700_000_000)
        self.denied: set[tuple[str, str]] = set()
        self.shut_out: set[str] = set()

    def put(self, name: str, value: str, content_type: str | None = None, created_s: int | None = None) -> Version:
        """Write a new version; each is made a second after the one before, unless told otherwise."""
        made = Version(value, next(self._seconds) if created_s is None else created_s, content_type)
        self._secrets.setdefault(name.lower(), []).append(made)
        return made

    def delete(self, name: str) -> None:
        """Delete a secret with its versions."""
        del self._secrets[name.lower()]

    def answer(self, request: Request, url: str, authority: str) -> Reply:
        """Answer a request as the vault at ``url``, whose tenant logs in at ``authority``."""
        principal = self._principal(request)
        if principal is None:
            return self._challenge(authority)
        if "api-version" not in request.query:
            return _error(400, "BadParameter", "The api-version query parameter is missing.")
        if principal in self.shut_out:
            return _forbidden(
                "Client address is not authorized and caller is not a trusted service.", "ForbiddenByFirewall"
            )
        found = _PATH.fullmatch(request.path)
        if request.method != "GET" or found is None:
            return _error(400, "BadParameter", f"Invalid request to {request.path}")
        name, version = found[1].lower(), found[2]
        if (principal, name) in self.denied:
            return _forbidden(
                f"Caller is not authorized to perform action on resource. Caller: {principal}", "ForbiddenByRbac"
            )
        if version == "versions":
            return self._list(name, request.query, url)
        return self._get(name, version, url)

    def _get(self, name: str, version: str | None, url: str) -> Reply:
        versions = self._secrets.get(name, [])
        found = next((v for v in reversed(versions) if version in (None, v.name)), None)
        if found is None:
            return _error(
                404,
                "SecretNotFound",
                f"A secret with (name/id) {name} was not found in this key vault. If you recently",
            )
        if not found.enabled:
            return _forbidden("Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return Reply({"value": found.value} | found.item(url, name))

    def _list(self, name: str, query: object, url: str) -> Reply:
        assert isinstance(query, dict)
        # In no order that means anything.
        versions = sorted(self._secrets.get(name, []), key=lambda version: version.name)
        start = int(base64.b64decode(query.get("$skiptoken", "") or base64.b64encode(b"0")))
        page = versions[start : start + min(_PAGE, int(query.get("maxresults", _PAGE)))]
        end = start + len(page)
        token = base64.b64encode(str(end).encode()).decode()
        more = f"{url}/secrets/{name}/versions?api-version={query['api-version']}&$skiptoken={token}"
        items = [version.item(url, name) for version in page]
        return Reply({"value": items, "nextLink": more if end < len(versions) else None})

    def _principal(self, request: Request) -> str | None:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        token = self._logins.tokens.get(text)
        if scheme != "Bearer" or token is None or token.expires_at_s <= self._logins.clock():
            return None
        return token.principal if token.audience == self._logins.resource else None

    def _challenge(self, authority: str) -> Reply:
        challenge = f'Bearer authorization="{authority}", resource="{self._logins.resource}"'
        return _error(401, "Unauthorized", "AKV10000: Request is missing a Bearer or PoP token.", challenge)


def _forbidden(message: str, inner: str) -> Reply:
    return Reply({"error": {"code": "Forbidden", "message": message, "innererror": {"code": inner}}}, 403)


def _error(status: int, code: str, message: str, challenge: str | None = None) -> Reply:
    headers = {"WWW-Authenticate": challenge} if challenge else {}
    return Reply({"error": {"code": code, "message": message}}, status, headers)
