"""Conjur's REST API as far as it reads secrets: from a request to a reply.

Stricter where Conjur is lenient: what a careful client would not send is refused, and noted in ``violations``.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from typing import Any, NamedTuple
from urllib.parse import quote, unquote

from tests.servers.conjur_state import ConjurState, RefusedTokenError

_AUTHORIZATION = re.compile(r'Token token="([A-Za-z0-9+/]+={0,2})"')


class Reply(NamedTuple):
    """What goes back."""

    status: int
    body: bytes = b""
    content_type: str = "text/plain"
    headers: tuple[tuple[str, str], ...] = ()


class Request(NamedTuple):
    """What arrived: the path raw, with its query."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class _RefusedError(Exception):
    def __init__(self, reply: Reply) -> None:
        self.reply = reply


class ConjurApi:
    """Answers for one account.

    Args:
        state: the account.
        prefix: before every path of the API, as in Conjur Cloud.

    Attributes:
        violations: what a careful client would not have sent.
    """

    def __init__(self, state: ConjurState, prefix: str = "") -> None:
        self.state = state
        self.violations: list[str] = []
        self._prefix = prefix

    def answer(self, request: Request) -> Reply:
        """Answer one request."""
        try:
            return self._route(request)
        except _RefusedError as refused:
            return refused.reply

    def _route(self, request: Request) -> Reply:
        path, marked, query = request.path.removeprefix(self._prefix).partition("?")
        if marked and not query:
            self._violated("an empty query")
        kind, *rest = [self._plain(part) for part in path.split("/")[1:]]
        match request.method, kind, rest:
            case "POST", "authn", [account, login, "authenticate"]:
                return self._authenticate(request, account, login, self._parameters(query))
            case "GET", "secrets", []:
                return self._batch(request, self._role(request), self._parameters(query, "variable_ids"))
            case "GET", "secrets", [account, "variable", name]:
                return self._show(account, name, self._role(request), self._parameters(query, "version"))
            case "GET", "whoami", []:
                about = {"account": self.state.account, "username": self._role(request), **self._parameters(query)}
                return _json(200, about)
        return Reply(404, b"<h1>Not Found</h1>", "text/html")

    def _authenticate(self, request: Request, account: str, login: str, _: dict[str, str]) -> Reply:
        if request.headers.get("Content-Type") != "text/plain":
            self._violated("an API key that is not sent as plain text")
        token = self.state.authenticate(login, request.body.decode()) if account == self.state.account else None
        if token is None:
            return Reply(401)
        if "base64" not in request.headers.get("Accept-Encoding", "").lower():
            return _json(200, token)
        return Reply(200, base64.b64encode(json.dumps(token).encode()), headers=(("Content-Encoding", "base64"),))

    def _show(self, account: str, name: str, role: str, parameters: dict[str, str]) -> Reply:
        version = parameters.get("version")
        if version is not None and not re.fullmatch("[1-9][0-9]*", version):
            self._violated(f"the version {version!r}")
        if account != self.state.account or not self.state.visible(role, name):
            return _missing(f"{account}:variable:{name}")
        if not self.state.allowed(role, name, "execute"):
            return Reply(403)
        value = self.state.value(name, None if version is None else int(version))
        if value is None:
            return _missing(f"{account}:variable:{name}")
        return Reply(200, value, "application/octet-stream")

    def _batch(self, request: Request, role: str, parameters: dict[str, str]) -> Reply:
        ids = [self._plain(written) for written in parameters.get("variable_ids", "").split(",")]
        if not all(ids):
            return _json(422, {"error": {"code": "argument_error", "message": "variable_ids"}})
        own = f"{self.state.account}:variable:"
        names = {full: full.removeprefix(own) for full in ids if full.startswith(own)}
        found = {full: name for full, name in names.items() if self.state.exists(name)}
        if not all(self.state.allowed(role, name, "execute") for name in found.values()):
            return Reply(403)
        values = {full: self.state.value(name) for full, name in found.items()}
        absent = [full for full in ids if values.get(full) is None]
        if absent or len(ids) != len(values):
            return _missing(absent[0] if absent else ids[0])
        return _batch_reply(
            {full: value or b"" for full, value in values.items()},
            in_base64=request.headers.get("Accept-Encoding", "").lower() == "base64",
        )

    def _role(self, request: Request) -> str:
        """Return who asks, by the token in the header."""
        header = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        try:
            if header is None:
                raise RefusedTokenError("Authorization missing")
            return self.state.role_of(json.loads(base64.b64decode(header[1], validate=True)))
        except (RefusedTokenError, binascii.Error, ValueError) as error:
            raise _RefusedError(Reply(401, str(error).encode())) from None

    def _parameters(self, query: str, *known: str) -> dict[str, str]:
        pairs = [pair.partition("=")[::2] for pair in query.split("&") if pair]
        names = [name for name, _ in pairs]
        if set(names) - set(known) or len(set(names)) != len(names):
            self._violated(f"the parameters {names}")
        return dict(pairs)

    def _plain(self, written: str) -> str:
        """Undo percent-encoding; what is special must have been encoded, once, and nothing else."""
        plain = unquote(written, errors="strict")
        if quote(plain, safe="") != written:
            self._violated(f"the encoding of {written!r}")
        return plain

    def _violated(self, what: str) -> None:
        self.violations.append(what)
        raise _RefusedError(Reply(400, f"this server does not take {what}".encode()))


def _batch_reply(values: dict[str, bytes], *, in_base64: bool) -> Reply:
    if in_base64:
        encoded = {full: base64.encodebytes(value).decode() for full, value in values.items()}
        return _json(200, encoded, ("Content-Encoding", "base64"))
    try:
        return _json(200, {full: value.decode() for full, value in values.items()})
    except UnicodeDecodeError:
        return _json(406, {"error": {"code": "not_acceptable", "message": "CONJ00073E Issue encoding secret"}})


def _json(status: int, document: Any, *headers: tuple[str, str]) -> Reply:
    return Reply(status, json.dumps(document).encode(), "application/json", headers)


def _missing(full_id: str) -> Reply:
    message = f"CONJ00076E Variable {full_id} is empty or not found."
    return _json(404, {"error": {"code": "not_found", "message": message}})
