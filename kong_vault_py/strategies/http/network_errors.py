"""Where errors of requests and urllib3 become errors of ours."""

from __future__ import annotations

import http.client
import ssl
from collections.abc import Iterator

from kong_vault_py.errors import InvalidResponseError, StrategyError, UnavailableError
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint

__all__ = ["translated"]

_BROKEN_OFF = (ConnectionError, http.client.IncompleteRead)


def translated(error: Exception, endpoint: Endpoint, deadline: Deadline, doing: str) -> StrategyError:
    """Return the error for a request that got no whole answer.

    Args:
        error: what requests or urllib3 raised.
        endpoint: the server.
        deadline: the fetch's.
        doing: what the request was for.
    """
    import requests
    import urllib3

    url = endpoint.url
    causes = list(_causes(error))
    timed_out = (requests.Timeout, urllib3.exceptions.TimeoutError, TimeoutError)
    for cause in causes:
        # urllib3 counts every failed connection as a time-out.
        if isinstance(cause, timed_out) and not isinstance(cause, urllib3.exceptions.NewConnectionError):
            return deadline.over(f"{doing} from {url}")
        if isinstance(cause, ssl.SSLCertVerificationError):
            return UnavailableError(
                f"{doing}: the certificate of {url} is not trusted ({cause.verify_message}); "
                "name its certificate authority in option 'ca_cert'"
            )
        if isinstance(cause, ssl.SSLError):
            return UnavailableError(
                f"{doing}: no TLS with {url} ({cause.reason or 'broken off'}); check {endpoint.options}"
            )
        # Closed before the answer, or amid it: the server went away. Anything else is no HTTP.
        if isinstance(cause, http.client.HTTPException) and not isinstance(cause, _BROKEN_OFF):
            return InvalidResponseError(f"{doing}: {url} does not speak HTTP; check {endpoint.options}")
    reason = next((c.strerror for c in causes if isinstance(c, OSError) and c.strerror), None)
    return UnavailableError(f"{doing}: no connection to {url}: {reason or 'closed without an answer'}")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Yield an error and what it came from; requests and urllib3 keep that in arguments and attributes too."""
    seen: set[int] = set()
    waiting = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
