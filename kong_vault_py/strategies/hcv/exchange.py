"""One request and its answer: within the deadline, bounded, no redirects, nothing but JSON objects."""

from __future__ import annotations

import http
import json
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.strategies.hcv.answers import RefusedError
from kong_vault_py.strategies.hcv.deadline import Deadline
from kong_vault_py.strategies.hcv.network_errors import translated

if TYPE_CHECKING:
    import requests

__all__ = ["MAX_RESPONSE_BYTES", "Exchange"]

#: Vault takes requests of up to 32 MiB by its default; a secret is small.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class Exchange:
    """What hvac takes for its requests session: an answer is a JSON object, everything else is an error of ours."""

    # hvac looks whether its session has settings of its own; the real session below has.
    verify = cert = proxies = None

    def __init__(self, session: requests.Session, url: str, deadline: Deadline, doing: str) -> None:
        self._session = session
        self._url = url
        self._deadline = deadline
        self._doing = doing

    def request(self, method: str, url: str, **arguments: Any) -> _Answer:
        """Send one request; keeps of hvac's arguments those that make up the request itself."""
        import requests
        import urllib3

        sent = {name: arguments[name] for name in ("headers", "params", "json") if name in arguments}
        timeout = urllib3.Timeout(total=self._deadline.remaining_s(self._doing))
        try:
            with self._session.request(
                method,
                url,
                timeout=timeout,  # type: ignore[arg-type]  # requests takes urllib3's; its types don't say so
                stream=True,
                allow_redirects=False,
                **sent,
            ) as response:
                return self._checked(response, self._body(response))
        except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
            raise translated(error, self._url, self._deadline, self._doing) from error

    def _body(self, response: requests.Response) -> bytes:
        """Read in the pieces that arrive, so that a server that trickles can't outlast the deadline."""
        body = b""
        while chunk := response.raw.read1(_CHUNK_BYTES):
            self._deadline.remaining_s(self._doing)
            body += chunk
            if len(body) > MAX_RESPONSE_BYTES:
                raise InvalidResponseError(f"{self._doing}: the answer is larger than {MAX_RESPONSE_BYTES} bytes")
        return body

    def _checked(self, response: requests.Response, body: bytes) -> _Answer:
        try:
            document = json.loads(body)
        except (ValueError, RecursionError):
            document = None
        status = response.status_code
        if not isinstance(document, dict):
            # A proxy's page for 404 must not pass for Vault's word that there is no such secret.
            if status < 300 or (400 <= status < 500 and status != http.HTTPStatus.TOO_MANY_REQUESTS):
                raise InvalidResponseError(
                    f"{self._doing}: {self._url} answered HTTP {status} and no JSON object, so it is no Vault server, "
                    "or one with TLS; check options 'protocol', 'host' and 'port'"
                )
            document = {}
        if status != http.HTTPStatus.OK:
            raise RefusedError(status, document)
        return _Answer(document)


class _Answer:
    """The little of a ``requests.Response`` that hvac reads of a success."""

    ok = True
    status_code = http.HTTPStatus.OK

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document

    def json(self) -> dict[str, Any]:
        return self._document
