"""What hvac takes for its requests session: nothing but JSON objects get through."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.strategies.hcv.answers import RefusedError
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.exchange import Answer, exchange

if TYPE_CHECKING:
    import requests

__all__ = ["Exchange"]


class Exchange:
    """What hvac takes for its requests session: an answer is a JSON object, everything else is an error of ours."""

    # hvac looks whether its session has settings of its own; the real session below has.
    verify = cert = proxies = None

    def __init__(self, session: requests.Session, endpoint: Endpoint, deadline: Deadline, doing: str) -> None:
        self._session = session
        self._endpoint = endpoint
        self._deadline = deadline
        self._doing = doing

    def request(self, method: str, url: str, **arguments: Any) -> _Success:
        """Send one request; keeps of hvac's arguments those that make up the request itself."""
        sent = {name: arguments[name] for name in ("headers", "params", "json") if name in arguments}
        return self._checked(exchange(self._session, self._endpoint, self._deadline, self._doing, method, url, **sent))

    def _checked(self, answer: Answer) -> _Success:
        try:
            document = json.loads(answer.body)
        except (ValueError, RecursionError):
            document = None
        status = answer.status
        if not isinstance(document, dict):
            # A proxy's page for 404 must not pass for Vault's word that there is no such secret.
            if status < 300 or (400 <= status < 500 and status != http.HTTPStatus.TOO_MANY_REQUESTS):
                raise InvalidResponseError(
                    f"{self._doing}: {self._endpoint.url} answered HTTP {status} and no JSON object, so it is no "
                    f"Vault server, or one with TLS; check {self._endpoint.options}"
                )
            document = {}
        if status != http.HTTPStatus.OK:
            raise RefusedError(status, document)
        return _Success(document)


class _Success:
    """The little of a ``requests.Response`` that hvac reads of a success."""

    ok = True
    status_code = http.HTTPStatus.OK

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def json(self) -> dict[str, Any]:
        return self._document
