"""An HTTP service in a thread of this process, on a free loopback port: what the strict servers of tests stand on."""

from __future__ import annotations

import abc
import json
from dataclasses import dataclass
from email.message import Message
from typing import TypeVar

from tests.servers.loopback_http import HOST, Arrived, LoopbackHttp, Sent

S = TypeVar("S", bound="HttpService")


@dataclass(frozen=True)
class Request:
    """What was asked."""

    method: str
    path: str
    query: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Answer:
    """What is answered."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=UTF-8"

    @classmethod
    def of_json(cls, status: int, document: object) -> Answer:
        """Return an answer with a JSON body."""
        return cls(status, json.dumps(document).encode())


class HttpService(abc.ABC):
    """Serves while it is entered; every request goes to :meth:`answer`, in a thread of its own."""

    _server: LoopbackHttp

    @abc.abstractmethod
    def answer(self, request: Request) -> Answer:
        """Answer a request."""

    @property
    def host(self) -> str:
        """The address it listens on."""
        return HOST

    @property
    def port(self) -> int:
        """The port it listens on."""
        return self._server.port

    @property
    def url(self) -> str:
        """The base URL."""
        return self._server.url

    def __enter__(self: S) -> S:
        self._server = LoopbackHttp(self._serve)
        self._server.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.__exit__()

    def _serve(self, arrived: Arrived) -> Sent:
        path, _, query = arrived.target.partition("?")
        answer = self.answer(Request(arrived.method, path, query, arrived.headers, arrived.body))
        return Sent(answer.status, [("Content-Type", answer.content_type)], answer.body)
