"""What the SDK takes for its requests session: each request within the errand's deadline, each answer checked."""

from __future__ import annotations

import http
import io
import json
import urllib.parse
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import InvalidResponseError, UnavailableError
from kong_vault_py.strategies.azure_client.config import AzureClientConfig
from kong_vault_py.strategies.azure_client.errand import current_errand
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.exchange import Answer, exchange
from kong_vault_py.strategies.http.session import open_session

if TYPE_CHECKING:
    import requests

__all__ = ["Connections"]

_PASSING = (http.HTTPStatus.REQUEST_TIMEOUT, http.HTTPStatus.TOO_MANY_REQUESTS)


class Connections:
    """The connections to the vault, to the login and to the managed identity's endpoint."""

    def __init__(self, config: AzureClientConfig) -> None:
        self._config = config
        self._session = open_session(Endpoint("azure", config.url, "option 'vault_uri'", ca_cert=config.ca_cert))

    def request(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """Send one request; keeps of the SDK's arguments those that make up the request itself.

        Raises:
            UnavailableError: there is no answer, or none that is worth asking the SDK about.
            InvalidResponseError: the answer is no JSON object, so it is not Azure's.
        """
        deadline, doing = current_errand()
        endpoint = self._endpoint(url)
        sent = {name: arguments[name] for name in ("headers", "data") if name in arguments}
        answer = exchange(self._session, endpoint, deadline, doing, method, url, proxies=_proxies(url), **sent)
        _check(answer, endpoint, doing)
        return _response(answer, url)

    def close(self) -> None:
        """Close the connections; the SDK calls this only for a session of its own."""
        self._session.close()

    def _endpoint(self, url: str) -> Endpoint:
        parts = urllib.parse.urlsplit(url)
        origin = f"{parts.scheme}://{parts.netloc}"
        if origin == self._config.url:
            return Endpoint("azure", origin, "option 'vault_uri'")
        return Endpoint("azure", origin, "option 'authority_host'")


def _proxies(url: str) -> dict[str, str]:
    """Return the proxy that HTTPS_PROXY and NO_PROXY name.

    None for plain http: that is a managed identity's endpoint, on this machine or beside it.
    """
    from requests.utils import get_environ_proxies

    return dict(get_environ_proxies(url)) if url.startswith("https:") else {}


def _check(answer: Answer, endpoint: Endpoint, doing: str) -> None:
    status = answer.status
    if status == http.HTTPStatus.TOO_MANY_REQUESTS:
        raise UnavailableError(f"{doing}: Azure's rate limit at {endpoint.url} is reached")
    if status // 100 == 5 or status in _PASSING:
        raise UnavailableError(f"{doing}: {endpoint.url} answered HTTP {status}")
    if status // 100 == 3:
        raise UnavailableError(
            f"{doing}: {endpoint.url} redirects (HTTP {status}), which is not followed lest the login leave; "
            f"check {endpoint.options}"
        )
    # A challenge says all it has to say in its headers.
    if status != http.HTTPStatus.UNAUTHORIZED and not _is_object(answer.body):
        raise InvalidResponseError(
            f"{doing}: {endpoint.url} answered HTTP {status} and no JSON object, so it is not Azure's; "
            f"check {endpoint.options}, and proxies"
        )


def _is_object(body: bytes) -> bool:
    try:
        return isinstance(json.loads(body), dict)
    except (ValueError, RecursionError):
        return False


def _response(answer: Answer, url: str) -> requests.Response:
    """Return what the SDK's transport expects of requests, with the body read already."""
    import requests
    import urllib3

    response = requests.Response()
    response.status_code = answer.status
    response.headers = requests.structures.CaseInsensitiveDict(answer.headers)
    response.raw = urllib3.HTTPResponse(io.BytesIO(answer.body), preload_content=False)
    response.url = url
    response.encoding = "utf-8"
    return response
