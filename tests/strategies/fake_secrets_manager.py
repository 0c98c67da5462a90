"""A strict little server in AWS's place: for what moto can't be made to do, and to see each call."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any, NamedTuple
from urllib.parse import parse_qs

from tests.servers.loopback_http import Arrived, LoopbackHttp, Sent

_SIGNED = re.compile(r"AWS4-HMAC-SHA256 Credential=(\S+)/\d{8}/([\w-]+)/(secretsmanager|sts)/aws4_request, ")
_STS_VERSION = "2011-06-15"


class Call(NamedTuple):
    """What arrived: the operation, its parameters, and who signed for which region."""

    operation: str
    parameters: dict[str, Any]
    key_id: str
    session_token: str | None
    region: str


class Reply(NamedTuple):
    """What goes back: an object as JSON, text (STS speaks XML) as it is."""

    body: Any
    status: int = 200


Handler = Callable[[Call], Reply]


def refusal(code: str, message: str = "", status: int = 400) -> Reply:
    """Return an error as Secrets Manager writes it."""
    return Reply({"__type": code, "Message": message}, status)


def sts_refusal(code: str, message: str, status: int = 403) -> Reply:
    """Return an error as STS writes it."""
    return Reply(
        f"<ErrorResponse><Error><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>", status
    )


def role(key_id: str, secret: str, token: str, expires: str = "2099-01-01T00:00:00Z") -> Reply:
    """Return the credentials of a role as STS hands them out."""
    return Reply(
        "<AssumeRoleResponse><AssumeRoleResult><Credentials>"
        f"<AccessKeyId>{key_id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>"
        f"<SessionToken>{token}</SessionToken><Expiration>{expires}</Expiration>"
        "</Credentials></AssumeRoleResult></AssumeRoleResponse>"
    )


class FakeAws(LoopbackHttp):
    """Answers by operation; takes signed calls alone. A context manager.

    Attributes:
        routes: operation ("GetSecretValue") -> reply, or what makes one of a call.
        calls: everything that arrived, in order.
    """

    def __init__(self, routes: dict[str, Reply | Handler] | None = None) -> None:
        super().__init__(self._serve)
        self.routes: dict[str, Reply | Handler] = routes or {}
        self.calls: list[Call] = []

    def operations(self) -> list[str]:
        """Return the operations called, in order."""
        return [call.operation for call in self.calls]

    def _serve(self, arrived: Arrived) -> Sent:
        call = _call(arrived)
        if call is None:
            reply = refusal("MissingAuthenticationTokenException", "Missing Authentication Token")
        else:
            self.calls.append(call)
            route = self.routes.get(call.operation, refusal("UnknownOperationException"))
            reply = route if isinstance(route, Reply) else route(call)
        data = reply.body.encode() if isinstance(reply.body, str) else json.dumps(reply.body).encode()
        return Sent(reply.status, (), data)


def _call(arrived: Arrived) -> Call | None:
    """Return the call; ``None`` for one that is unsigned or in neither service's form."""
    signed = _SIGNED.match(arrived.headers.get("Authorization", ""))
    if signed is None or (arrived.method, arrived.target) != ("POST", "/"):
        return None
    key_id, region, service = signed.groups()
    token = arrived.headers.get("X-Amz-Security-Token")
    if service == "sts":
        form = {name: values[0] for name, values in parse_qs(arrived.body.decode(), strict_parsing=True).items()}
        return Call(form.pop("Action"), form, key_id, token, region) if form.pop("Version") == _STS_VERSION else None
    prefix, _, operation = arrived.headers.get("X-Amz-Target", "").partition(".")
    if prefix != "secretsmanager" or arrived.headers.get("Content-Type") != "application/x-amz-json-1.1":
        return None
    return Call(operation, json.loads(arrived.body), key_id, token, region)
