"""A strict Conjur for tests, over HTTP or TLS on a loopback port.

No package registry has the real server: it is a Ruby on Rails application that comes as a container image.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tests.servers.certificates import Certificates
from tests.servers.conjur_api import ConjurApi, Reply, Request
from tests.servers.conjur_state import ConjurState
from tests.servers.loopback_http import HOST, Arrived, LoopbackHttp, Sent

_MAX_REQUEST_LINE_BYTES = 8190


class ConjurServer(LoopbackHttp):
    """Serves one account; a context manager.

    Args:
        state: the account.
        tls: serve https with these.
        path: before every path of the API, as in Conjur Cloud.

    Attributes:
        overrides: part of a path -> what to answer in place of Conjur, or what makes it of a request.
        requests: everything that arrived, in order.
        connections: how many were opened.
        url: the base URL of the API.
        authority: the certificate to trust, with TLS.
    """

    host = HOST

    def __init__(self, state: ConjurState, tls: Certificates | None = None, path: str = "") -> None:
        super().__init__(self._serve, tls)
        self.state = state
        self.overrides: dict[str, Reply | Callable[[Request], Reply]] = {}
        self.requests: list[Request] = []
        self.authority: Path | None = tls.authority if tls else None
        self._api = ConjurApi(state, path)
        self.url += path

    @property
    def violations(self) -> list[str]:
        """What a careful client would not have sent."""
        return self._api.violations

    def count(self, part: str) -> int:
        """Return how many requests came whose path holds ``part``."""
        return sum(part in request.path for request in self.requests)

    def _serve(self, arrived: Arrived) -> Sent:
        request = Request(arrived.method, arrived.target, dict(arrived.headers.items()), arrived.body)
        reply = Reply(414) if arrived.line_bytes > _MAX_REQUEST_LINE_BYTES else self._replied(request)
        return Sent(reply.status, [("Content-Type", reply.content_type), *reply.headers], reply.body)

    def _replied(self, request: Request) -> Reply:
        self.requests.append(request)
        for part, reply in self.overrides.items():
            if part in request.path:
                return reply if isinstance(reply, Reply) else reply(request)
        return self._api.answer(request)
