"""HMAC over chosen headers: Kong's hmac-auth, and draft-cavage-http-signatures, from which it comes.

The signing string is the one that ``create_hash`` of ``kong/plugins/hmac-auth/access.lua`` builds.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import dataclass
from email.utils import formatdate

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.outgoing import Outgoing, check_signable, one_line
from kong_vault_py.secret import Secret

__all__ = ["ALGORITHMS", "HttpSignature"]

ALGORITHMS = {"hmac-sha256": "sha256", "hmac-sha384": "sha384", "hmac-sha512": "sha512"}

#: Stands for method and target: Kong's name for it, and the draft's.
_TARGETS = ("@request-target", "(request-target)")
_REQUEST_LINE = "request-line"


@dataclass(frozen=True)
class HttpSignature:
    """One way of signing.

    Attributes:
        algorithm: one of :data:`ALGORITHMS`.
        headers: what to sign, in this order; names in lower case.
        scheme: ``hmac`` as Kong's plugin has it, or ``signature`` as the draft.
        header: the header for the signature, in lower case.
        date_header: the header for the time, in lower case.
        digest: sign the body by a Digest header.
    """

    algorithm: str
    headers: tuple[str, ...]
    scheme: str
    header: str
    date_header: str
    digest: bool

    def __post_init__(self) -> None:
        check_signable(list(self.headers))
        if self.header == "signature" and self.scheme == "hmac":
            raise ConfigError("hmac.header: a Signature header goes with scheme 'signature' only")

    @property
    def needs_host(self) -> bool:
        """Whether the Host header is part of the signature."""
        return "host" in self.headers

    def sign(self, request: Outgoing, username: str, secret: Secret, now_s: float) -> dict[str, str]:
        """Return the headers to set: time, digest and signature. Headers that the request lacks are left out.

        Args:
            request: with a body where ``digest`` is on.
            username: the key's name for the upstream.
            secret: the key.
            now_s: Unix time in seconds.

        Raises:
            ConfigError: the username can't stand in a header, or the key is empty.
        """
        if not secret:
            raise ConfigError("hmac.secret is empty")
        added = {self.date_header: formatdate(now_s, usegmt=True)}
        if request.body is not None:
            digest = base64.b64encode(hashlib.sha256(request.body).digest()).decode()
            added["digest"] = f"SHA-256={digest}"
        lines = {name: line for name in self._names() if (line := self._line(name, request, added)) is not None}
        text = "\n".join(lines.values()).encode("utf-8", "surrogateescape")
        signature = base64.b64encode(
            hmac.new(secret.reveal_bytes(), text, ALGORITHMS[self.algorithm]).digest()
        ).decode()
        return {**added, self.header: self._header(one_line("hmac.username", username), list(lines), signature)}

    def _names(self) -> list[str]:
        own = [self.date_header, *(["digest"] if self.digest else [])]
        return list(dict.fromkeys([*self.headers, *own]))

    def _line(self, name: str, request: Outgoing, added: dict[str, str]) -> str | None:
        if name in _TARGETS:
            return f"{name}: {request.method.lower()} {request.target}"
        if name == _REQUEST_LINE:
            return f"{request.method} {request.target} HTTP/1.1"
        value = request.value(name, added)
        return None if value is None else f"{name}: {value}"

    def _header(self, username: str, names: list[str], signature: str) -> str:
        listed = " ".join(names)
        if self.scheme == "hmac":
            parts = f'username="{username}", algorithm="{self.algorithm}", headers="{listed}", signature="{signature}"'
            return f"hmac {parts}"
        parts = f'keyId="{username}",algorithm="{self.algorithm}",headers="{listed}",signature="{signature}"'
        return parts if self.header == "signature" else f"Signature {parts}"
