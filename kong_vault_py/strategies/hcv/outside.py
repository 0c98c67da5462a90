"""Requests to others than Vault that a login needs: identity providers, metadata services, cloud APIs."""

from __future__ import annotations

import http
import json
from typing import Any
from urllib.parse import urlsplit

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    StrategyTimeoutError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.exchange import Answer, exchange
from kong_vault_py.strategies.http.one_line import one_line
from kong_vault_py.strategies.http.session import open_session

__all__ = ["Outside", "document"]


class Outside:
    """Others than Vault, asked for one purpose.

    Args:
        doing: what is asked, for error texts.
        options: the options that say whom, and what has to hold there, for error texts.
        deadline: bounds everything together.
        ca_cert: PEM file of an authority to trust beside the public ones.
    """

    def __init__(self, doing: str, options: str, deadline: Deadline, ca_cert: str | None = None) -> None:
        self._doing = doing
        self._options = options
        self._deadline = deadline
        self._ca_cert = ca_cert

    def ask(self, method: str, url: str, **sent: Any) -> Answer:
        """Send one request; ``sent`` as requests names it (headers, params, data, json, auth).

        Raises:
            AuthenticationError: it is refused.
            UnavailableError: the server can't be reached, or can't answer now.
            InvalidResponseError: something else answers there.
        """
        answer = self.exchange(method, url, **sent)
        if answer.status != http.HTTPStatus.OK:
            raise self.refused(answer, url)
        return answer

    def exchange(self, method: str, url: str, **sent: Any) -> Answer:
        """Send one request, as :meth:`ask`, and return the answer whatever its status."""
        parts = urlsplit(url)
        endpoint = Endpoint("hcv", f"{parts.scheme}://{parts.netloc}", self._options, ca_cert=self._ca_cert)
        try:
            with open_session(endpoint) as session:
                if self._ca_cert is not None:
                    _trust_the_public_ones_too(session, endpoint)
                return exchange(session, endpoint, self._deadline, self._doing, method, url, **sent)
        except StrategyTimeoutError:
            raise
        except UnavailableError as error:
            raise UnavailableError(f"{error}; check {self._options}") from error

    def refused(self, answer: Answer, url: str) -> VaultError:
        """Return the error for an answer that is no success."""
        said = one_line(_reason(document(answer)))
        where = urlsplit(url)._replace(query="", fragment="").geturl()
        text = f"{self._doing}: {where} answered HTTP {answer.status}{f' ({said})' if said else ''}"
        if answer.status >= 500 or answer.status == http.HTTPStatus.TOO_MANY_REQUESTS:
            return UnavailableError(text)
        return AuthenticationError(f"{text}; check {self._options}")

    def lacking(self, what: str) -> InvalidResponseError:
        """Return the error for an answer without what it should hold."""
        return InvalidResponseError(f"{self._doing}: the answer holds no {what}; check {self._options}")


def document(answer: Answer) -> dict[str, Any]:
    """Return the JSON object of an answer; empty where there is none."""
    try:
        found = json.loads(answer.body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _reason(said: dict[str, Any]) -> str:
    """Return what an OAuth server or a Google API says of a refusal."""
    error = said.get("error")
    if isinstance(error, dict):
        error = error.get("message")
    return ": ".join(text for text in (error, said.get("error_description")) if isinstance(text, str))


def _trust_the_public_ones_too(session: Any, endpoint: Endpoint) -> None:
    """Vault may have a certificate of an authority of one's own, and the identity provider a public one."""
    import urllib3

    context = urllib3.util.create_urllib3_context()
    context.load_verify_locations(endpoint.ca_cert)
    session.verify = True
    session.get_adapter(endpoint.url).init_poolmanager(1, 1, ssl_context=context)
