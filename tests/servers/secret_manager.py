"""Google Cloud Secret Manager's REST API, strictly: the part of v1 that reading secrets touches, and writing them.

Written from Google's public REST reference (projects.secrets, projects.secrets.versions) and error model (AIP-193),
since no emulator of it can be had from the Go module proxy. Every call needs an access token that
:class:`GoogleAccounts` issued, and the permission of a role; what is wrong in a request is refused as Google does.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
import threading
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from tests.servers.google_accounts import GoogleAccounts
from tests.servers.http_service import Answer, HttpService, Request

PROJECT = "test-project"
_PROJECT_NUMBER = "123456789012"
_MAX_PAYLOAD_BYTES = 64 * 1024
_SECRET = re.compile(r"/v1/projects/([^/:]+)/secrets/([^/:]+)(?::(addVersion))?")
_VERSION = re.compile(r"/v1/projects/([^/:]+)/secrets/([^/:]+)/versions/([^/:]+):(access|disable|enable|destroy)")
_SECRETS = re.compile(r"/v1/projects/([^/:]+)/secrets")
_ID = re.compile(r"[A-Za-z0-9_-]{1,255}")
#: Parameters that every method of Google's APIs takes.
_SYSTEM_PARAMETERS = {"alt", "$alt"}


@dataclass
class _Version:
    payload: bytes
    state: str = "ENABLED"


class _RefusedError(Exception):
    def __init__(self, code: int, status: str, message: str, reason: str | None = None) -> None:
        super().__init__(message)
        error: dict[str, Any] = {"code": code, "message": message, "status": status}
        if reason:
            error["details"] = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason}]
        self.answer = Answer.of_json(code, {"error": error})


@dataclass
class SecretManager(HttpService):
    """The API's server; a context manager.

    Args:
        accounts: who issues its tokens.

    Attributes:
        readers: accounts with roles/secretmanager.secretAccessor on the project.
        readers_of_one: account -> the one secret that it has that role on.
        admins: accounts with roles/secretmanager.admin.
        answer_with: a hook for a test: what it returns is answered, ``None`` for the usual answer.
        requests: what was asked of it, authorised or not.
    """

    accounts: GoogleAccounts
    readers: set[str] = field(default_factory=set)
    readers_of_one: dict[str, str] = field(default_factory=dict)
    admins: set[str] = field(default_factory=set)
    answer_with: Callable[[Request], Answer | None] = lambda request: None
    requests: list[Request] = field(default_factory=list)
    _secrets: dict[str, list[_Version]] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Answer:
        """Answer as Google would."""
        with self._lock:
            self.requests.append(request)
            try:
                return self.answer_with(request) or self._answer(request)
            except _RefusedError as refused:
                return refused.answer

    def store(self, secret: str, payload: bytes) -> None:
        """Add a version past the API, which takes no empty payload."""
        with self._lock:
            self._secrets.setdefault(secret, []).append(_Version(payload))

    def _answer(self, request: Request) -> Answer:
        query = urllib.parse.parse_qs(request.query, keep_blank_values=True)
        version, secret = _VERSION.fullmatch(request.path), _SECRET.fullmatch(request.path)
        if version and version[4] == "access" and request.method == "GET":
            return self._access(request, query, version[1], version[2], version[3])
        if version and version[4] != "access" and request.method == "POST":
            return self._change(request, query, version[1], version[2], version[3], version[4])
        if secret and secret[3] and request.method == "POST":
            return self._add_version(request, query, secret[1], secret[2])
        if secret and not secret[3] and request.method == "DELETE":
            return self._delete(request, query, secret[1], secret[2])
        created = _SECRETS.fullmatch(request.path)
        if created and request.method == "POST":
            return self._create(request, query, created[1])
        return Answer(404, b"<!DOCTYPE html><title>Error 404 (Not Found)!!1</title>", "text/html; charset=UTF-8")

    def _access(self, request: Request, query: dict[str, list[str]], project: str, secret: str, number: str) -> Answer:
        self._admit(
            request, query, "secretmanager.versions.access", project, secret, f"secrets/{secret}/versions/{number}"
        )
        position, version = self._version(secret, number)
        if version.state != "ENABLED":
            name = _name(f"{secret}/versions/{position}")
            raise _RefusedError(400, "FAILED_PRECONDITION", f"Secret Version [{name}] is in {version.state} state.")
        payload = {"dataCrc32c": str(_crc32c(version.payload))}
        if version.payload:
            payload["data"] = base64.b64encode(version.payload).decode()
        return Answer.of_json(200, {"name": _name(f"{secret}/versions/{position}"), "payload": payload})

    def _change(
        self, request: Request, query: dict[str, list[str]], project: str, secret: str, number: str, action: str
    ) -> Answer:
        self._admit(request, query, f"secretmanager.versions.{action}", project, secret, f"secrets/{secret}")
        position, version = self._version(secret, number)
        if version.state == "DESTROYED":
            raise _RefusedError(400, "FAILED_PRECONDITION", "Secret Version is in DESTROYED state.")
        version.state = {"disable": "DISABLED", "enable": "ENABLED", "destroy": "DESTROYED"}[action]
        if action == "destroy":
            version.payload = b""
        return Answer.of_json(200, {"name": _name(f"{secret}/versions/{position}"), "state": version.state})

    def _add_version(self, request: Request, query: dict[str, list[str]], project: str, secret: str) -> Answer:
        self._admit(request, query, "secretmanager.versions.add", project, secret, f"secrets/{secret}")
        versions = self._versions(secret)
        payload = _body(request, {"payload"}).get("payload") or {}
        if not payload.get("data"):
            raise _RefusedError(400, "INVALID_ARGUMENT", "Field [payload] is required.")
        try:
            data = base64.b64decode(payload["data"], validate=True)
        except binascii.Error:
            raise _RefusedError(400, "INVALID_ARGUMENT", "Invalid value at 'payload.data' (TYPE_BYTES)") from None
        if len(data) > _MAX_PAYLOAD_BYTES:
            raise _RefusedError(400, "INVALID_ARGUMENT", "Secret Payload exceeds the maximum of 65536 bytes.")
        versions.append(_Version(data))
        return Answer.of_json(200, {"name": _name(f"{secret}/versions/{len(versions)}"), "state": "ENABLED"})

    def _delete(self, request: Request, query: dict[str, list[str]], project: str, secret: str) -> Answer:
        self._admit(request, query, "secretmanager.secrets.delete", project, secret, f"secrets/{secret}")
        self._versions(secret)
        del self._secrets[secret]
        return Answer.of_json(200, {})

    def _create(self, request: Request, query: dict[str, list[str]], project: str) -> Answer:
        secret = "".join(query.pop("secretId", []))
        self._admit(request, query, "secretmanager.secrets.create", project, secret, "")
        if not _ID.fullmatch(secret):
            raise _RefusedError(
                400, "INVALID_ARGUMENT", f"The provided Secret ID [{secret}] does not match the expected format."
            )
        if secret in self._secrets:
            raise _RefusedError(409, "ALREADY_EXISTS", f"Secret [{_name(secret)}] already exists.")
        if not _body(request, {"replication"}).get("replication"):
            raise _RefusedError(400, "INVALID_ARGUMENT", "Field [secret.replication] is required.")
        self._secrets[secret] = []
        return Answer.of_json(200, {"name": _name(secret)})

    def _admit(
        self, request: Request, query: dict[str, list[str]], permission: str, project: str, secret: str, resource: str
    ) -> None:
        """Refuse who is not known, then what nobody may ask, then who is not allowed: in Google's order."""
        who = self.accounts.whose(request.headers.get("Authorization"))
        if who is None:
            raise _RefusedError(
                401,
                "UNAUTHENTICATED",
                "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other "
                "valid authentication credential.",
                "ACCESS_TOKEN_TYPE_UNSUPPORTED",
            )
        if unknown := query.keys() - _SYSTEM_PARAMETERS:
            raise _RefusedError(400, "INVALID_ARGUMENT", f'Unknown name "{min(unknown)}": Cannot bind query parameter.')
        reads = permission == "secretmanager.versions.access"
        allowed = who in self.admins or (reads and (who in self.readers or self.readers_of_one.get(who) == secret))
        if not allowed or project not in (PROJECT, _PROJECT_NUMBER):
            raise _RefusedError(
                403,
                "PERMISSION_DENIED",
                f"Permission '{permission}' denied for resource 'projects/{project}/{resource}' (or it may not exist).",
                "IAM_PERMISSION_DENIED",
            )

    def _versions(self, secret: str) -> list[_Version]:
        if secret not in self._secrets:
            raise _RefusedError(404, "NOT_FOUND", f"Secret [{_name(secret)}] not found.")
        return self._secrets[secret]

    def _version(self, secret: str, number: str) -> tuple[int, _Version]:
        versions = self._versions(secret)
        if number == "latest" and not versions:
            raise _RefusedError(404, "NOT_FOUND", f"Secret [{_name(secret)}] not found or has no versions.")
        position = len(versions) if number == "latest" else int(number) if number.isdecimal() else 0
        if not number == "latest" and not number.isdecimal():
            raise _RefusedError(400, "INVALID_ARGUMENT", f"Invalid resource field value in the request: {number}")
        if not 1 <= position <= len(versions):
            raise _RefusedError(404, "NOT_FOUND", f"Secret Version [{_name(f'{secret}/versions/{number}')}] not found.")
        return position, versions[position - 1]


def _name(path: str) -> str:
    return f"projects/{_PROJECT_NUMBER}/secrets/{path}"


def _body(request: Request, known: set[str]) -> dict[str, Any]:
    try:
        document = json.loads(request.body or b"{}")
    except ValueError:
        raise _RefusedError(400, "INVALID_ARGUMENT", "Invalid JSON payload received.") from None
    if not isinstance(document, dict) or document.keys() - known:
        raise _RefusedError(400, "INVALID_ARGUMENT", "Invalid JSON payload received. Unknown name.")
    return document


def _crc32c(data: bytes) -> int:
    """Return the checksum bit by bit, from its definition: the strategy under test has a table."""
    value = 0xFFFFFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0x82F63B78 if value & 1 else 0)
    return value ^ 0xFFFFFFFF
