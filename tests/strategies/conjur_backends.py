"""Prepares a Conjur for the tests of the conjur strategy."""

from __future__ import annotations

from kong_vault_py.options import build_config
from kong_vault_py.strategies.conjur import ConjurConfig, ConjurStrategy
from kong_vault_py.testing.strategy_backend import StrategyBackend
from tests.servers.conjur_server import ConjurServer
from tests.servers.ports import free_port

HOST = "host/gateway/kong"
_MALFORMED = [
    b"garbage\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n<html></html>",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n[]",
    b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nZ\xc3\xa4\n",
    b"HTTP/1.1 204 No Content\r\n\r\n",
    b"HTTP/1.1 404 Not Found\r\nContent-Length: 9\r\n\r\nnot found",
    b"HTTP/1.0 400 Bad Request\r\n\r\nThe plain HTTP request was sent to HTTPS port\n",
]


def conjur_strategy(server: ConjurServer, **options: object) -> ConjurStrategy:
    """Make a strategy for a server; ``options`` as an operator writes them."""
    given: dict[str, object] = {"endpoint_url": server.url, "account": server.state.account, "login": HOST}
    if server.authority:
        given["ca_cert"] = str(server.authority)
    return ConjurStrategy(build_config(ConjurConfig, given | options, where="vault 'test'"))


class ConjurBackend(StrategyBackend):
    """A host in a Conjur, which may read and fetch every variable that is put here.

    Args:
        server: the Conjur.
    """

    malformed_answers = _MALFORMED

    def __init__(self, server: ConjurServer) -> None:
        self.server = server
        self.api_key = server.state.add_role(HOST)
        self.credentials = [self.api_key]

    def strategy(self, **options: object) -> ConjurStrategy:
        return conjur_strategy(self.server, **{"api_key": self.api_key} | options)

    def put(self, resource: str, value: str | bytes) -> None:
        self.server.state.set_value(resource, value.encode() if isinstance(value, str) else value)
        self.server.state.permit(HOST, resource, "read", "execute")

    def remove(self, resource: str) -> None:
        self.server.state.remove_variable(resource)

    def put_versions(self, resource: str, old: str, new: str) -> tuple[float, float]:
        self.put(resource, old)
        self.put(resource, new)
        return 1.0, 2.0

    def strategy_denied(self, resource: str) -> ConjurStrategy:
        key = self.server.state.add_role("dave")
        self.server.state.permit("dave", resource, "read")
        return self.strategy(login="dave", api_key=key)

    def strategy_with_wrong_credentials(self) -> ConjurStrategy:
        return self.strategy(api_key="not-the-key")

    def strategy_unreachable(self) -> ConjurStrategy:
        return self.strategy(endpoint_url=f"http://127.0.0.1:{free_port()}")

    def strategy_at(self, host: str, port: int) -> ConjurStrategy:
        return self.strategy(endpoint_url=f"http://{host}:{port}")
