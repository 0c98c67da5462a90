"""A client of the agent: plain HTTP, on a unix socket or a port."""

from __future__ import annotations

import http.client
import json
import socket
from pathlib import Path
from typing import Any, NamedTuple

TIMEOUT_S = 20


class Answer(NamedTuple):
    status: int
    headers: dict[str, str]
    body: Any

    @property
    def code(self) -> str:
        return str(self.body["error"]["code"])


class Connection(http.client.HTTPConnection):
    """A connection that is kept."""

    def __init__(self, where: Path | int) -> None:
        super().__init__("localhost", where if isinstance(where, int) else None, timeout=TIMEOUT_S)
        self._where = where

    def connect(self) -> None:
        if isinstance(self._where, int):
            super().connect()
            return
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.settimeout(TIMEOUT_S)
        self.sock.connect(str(self._where))

    def ask(self, method: str, path: str, body: Any = None, **headers: str) -> Answer:
        sent = {name.replace("_", "-"): value for name, value in headers.items()}
        if body is not None:
            sent.setdefault("Content-Type", "application/json")
        text = body if isinstance(body, (bytes, type(None))) else json.dumps(body)
        self.request(method, path, text, sent)
        response = self.getresponse()
        content = response.read()
        told = {name.lower(): value for name, value in response.getheaders()}
        is_json = told.get("content-type") == "application/json"
        return Answer(response.status, told, json.loads(content) if is_json else content)


def ask(where: Path | int, method: str, path: str, body: Any = None, **headers: str) -> Answer:
    """Ask once."""
    connection = Connection(where)
    try:
        return connection.ask(method, path, body, **headers)
    finally:
        connection.close()


def resolve(where: Path | int, reference: str, **headers: str) -> Answer:
    return ask(where, "POST", "/v1/resolve", {"reference": reference}, **headers)


def fetch(where: Path | int, strategy: str, resource: str, **config: Any) -> Answer:
    return ask(where, "POST", "/v1/fetch", {"strategy": strategy, "resource": resource, "config": config})
