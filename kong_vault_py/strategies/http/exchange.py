"""One request and its answer: within the deadline, of bounded size, no redirects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.network_errors import translated

if TYPE_CHECKING:
    import requests

__all__ = ["MAX_RESPONSE_BYTES", "Answer", "exchange"]

#: Vault takes requests of up to 32 MiB by its default; a secret is small.
MAX_RESPONSE_BYTES = 4 * 1024 * 1024
_CHUNK_BYTES = 64 * 1024


class Answer(NamedTuple):
    """What a server answered.

    Attributes:
        status: the HTTP status.
        headers: by name, in any case.
        body: as it came; no content encoding is undone.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


def exchange(
    session: requests.Session,
    endpoint: Endpoint,
    deadline: Deadline,
    doing: str,
    method: str,
    url: str,
    **sent: Any,
) -> Answer:
    """Send one request and return the answer, whatever its status.

    Args:
        session: from ``session.py``.
        endpoint: the server, for error texts.
        deadline: bounds connecting, sending and reading together.
        doing: what it is for, for error texts ("reading 'redis'").
        method: the HTTP method.
        url: below the endpoint's.
        sent: headers, query and body, as requests names them.

    Raises:
        InvalidResponseError: the answer is too large, or no HTTP.
        UnavailableError: there is none, or not in time.
    """
    import requests
    import urllib3

    timeout = urllib3.Timeout(total=deadline.remaining_s(doing))
    try:
        with session.request(
            method,
            url,
            timeout=timeout,  # type: ignore[arg-type]  # requests takes urllib3's; its types don't say so
            stream=True,
            allow_redirects=False,
            **sent,
        ) as response:
            return Answer(response.status_code, response.headers, _body(response, deadline, doing))
    except (requests.RequestException, urllib3.exceptions.HTTPError, UnicodeError) as error:
        raise translated(error, endpoint, deadline, doing) from error


def _body(response: requests.Response, deadline: Deadline, doing: str) -> bytes:
    """Read in the pieces that arrive, so that a server that trickles can't outlast the deadline."""
    body = b""
    while chunk := response.raw.read1(_CHUNK_BYTES):
        deadline.remaining_s(doing)
        body += chunk
        if len(body) > MAX_RESPONSE_BYTES:
            raise InvalidResponseError(f"{doing}: the answer is larger than {MAX_RESPONSE_BYTES} bytes")
    return body
