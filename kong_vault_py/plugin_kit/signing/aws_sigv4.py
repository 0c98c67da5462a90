"""AWS Signature Version 4, in the Authorization header.

The rules: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html. Tests hold it
against AWS's published examples and against botocore. It needs no SDK.
"""

from __future__ import annotations

import hashlib
import hmac
import posixpath
import time
from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from kong_vault_py.errors import ConfigError
from kong_vault_py.plugin_kit.signing.outgoing import CHANGED_BY_KONG, Outgoing, one_line
from kong_vault_py.secret import Secret

__all__ = ["AwsCredentials", "AwsSignature"]

_ALGORITHM = "AWS4-HMAC-SHA256"
_UNRESERVED = "-_.~"
UNSIGNED = "UNSIGNED-PAYLOAD"
_TOKEN = "x-amz-security-token"  # noqa: S105 - a header's name

#: Besides these, every x-amz-* header of the request is signed: AWS insists.
_SIGNED = frozenset({"content-type", "content-md5"})


@dataclass(frozen=True, repr=False)
class AwsCredentials:
    """Who signs."""

    access_key_id: str
    secret_access_key: Secret
    session_token: str | None = None


@dataclass(frozen=True)
class AwsSignature:
    """One way of signing.

    Attributes:
        region: ``eu-central-1`` and the like.
        service: the name in the credential scope: ``execute-api``, ``s3``, ``lambda``, ``es``, ...
    """

    region: str
    service: str

    def sign(self, request: Outgoing, credentials: AwsCredentials, now_s: float) -> dict[str, str]:
        """Return the headers to set. Without a body the payload goes unsigned, which S3 alone takes, over TLS.

        Args:
            request: headers that come in as ``x-amz-date`` and the like give way to ours.
            credentials: whose key.
            now_s: Unix time in seconds.

        Raises:
            ConfigError: a credential is empty, or can't stand in a header.
        """
        if not credentials.secret_access_key:
            raise ConfigError("aws.secret_access_key is empty")
        moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now_s))
        payload = UNSIGNED if request.body is None else hashlib.sha256(request.body).hexdigest()
        added = {"x-amz-date": moment, "x-amz-content-sha256": payload}
        if credentials.session_token:
            added[_TOKEN] = one_line("aws.session_token", credentials.session_token)
        names = self._signed_names(request, added)
        scope = f"{moment[:8]}/{self.region}/{self.service}/aws4_request"
        canonical = self.canonical_request(request, added, names, payload)
        text = "\n".join((_ALGORITHM, moment, scope, hashlib.sha256(canonical).hexdigest()))
        key = self._key(credentials.secret_access_key, moment[:8])
        signature = hmac.new(key, text.encode(), "sha256").hexdigest()
        key_id = one_line("aws.access_key_id", credentials.access_key_id)
        added["authorization"] = (
            f"{_ALGORITHM} Credential={key_id}/{scope}, SignedHeaders={';'.join(names)}, Signature={signature}"
        )
        return added

    def canonical_request(self, request: Outgoing, added: dict[str, str], names: list[str], payload: str) -> bytes:
        """Return the text that stands for the request: the same for all spellings of it."""
        headers = "".join(f"{name}:{_squeezed(request.value(name, added) or '')}\n" for name in names)
        lines = (request.method, self._path(request.path), _query(request.query), headers, ";".join(names), payload)
        return _bytes("\n".join(lines))

    def _signed_names(self, request: Outgoing, added: dict[str, str]) -> list[str]:
        given = {
            name
            for name in request.headers
            if (name in _SIGNED or name.startswith("x-amz-")) and name not in CHANGED_BY_KONG | {_TOKEN}
        }
        return sorted({"host", *added, *given})

    def _path(self, path: str) -> str:
        if self.service == "s3":
            return "/".join(map(_encoded, path.split("/")))  # an object's name, in its one spelling
        trailing = "/" if path.endswith("/") and path != "/" else ""
        normal = posixpath.normpath("/" + path.lstrip("/")) if path else "/"
        return quote(normal.rstrip("/") + trailing or "/", safe=f"/{_UNRESERVED}", errors="surrogateescape")

    def _key(self, secret: Secret, day: str) -> bytes:
        key = b"AWS4" + secret.reveal_bytes().strip()
        for part in (day, self.region, self.service, "aws4_request"):
            key = hmac.new(key, part.encode(), "sha256").digest()
        return key


def _query(query: str) -> str:
    """Return the parameters in AWS's one spelling: decoded, encoded again, sorted."""
    pairs = []
    for piece in filter(None, query.split("&")):
        name, _, value = piece.partition("=")
        pairs.append((_encoded(name), _encoded(value)))
    return "&".join(f"{name}={value}" for name, value in sorted(pairs))


def _encoded(text: str) -> str:
    return quote(unquote_to_bytes(_bytes(text)), safe=_UNRESERVED)


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _squeezed(value: str) -> str:
    return " ".join(value.split())
