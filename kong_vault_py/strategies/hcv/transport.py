"""The connections to Vault: hvac's adapter on one pooled session that takes nothing from the environment."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.strategies.hcv.client_certificate import show_certificate
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.exchange import Exchange
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.endpoint import Endpoint
from kong_vault_py.strategies.http.session import missing_package, open_session

if TYPE_CHECKING:
    import requests
    from hvac.adapters import JSONAdapter

    from kong_vault_py.secret import Secret

__all__ = ["Transport"]


class Transport:
    """The connections to one Vault server; opens on first use, safe for threads and greenlets."""

    def __init__(self, config: HcvConfig) -> None:
        self._config = config
        self._endpoint = Endpoint(
            "hcv", config.url, "options 'protocol', 'host' and 'port'", config.ssl_verify, config.ca_cert
        )
        self._session: requests.Session | None = None
        self._lock = threading.Lock()

    def adapter(self, token: Secret | None, deadline: Deadline, doing: str, *, namespace: bool = True) -> JSONAdapter:
        """Return what hvac's API classes send requests with.

        It is built without ``hvac.Client``, which would read VAULT_TOKEN, VAULT_ADDR, VAULT_CACERT and more.

        Args:
            token: sent with each request; ``None`` for none.
            deadline: bounds everything that is sent with it.
            doing: what it is for, for error texts.
            namespace: send the configured namespace (not every endpoint exists in one).

        Raises:
            MissingDependencyError: hvac is not installed.
            AuthenticationError: the token can't be a token, or the client certificate can't be used.
        """
        plain = token.reveal() if token is not None else ""
        if not (plain.isascii() and plain.isprintable()) or " " in plain:
            raise AuthenticationError(f"{doing}: the token holds white space or characters that no token has")
        session = self._opened()
        from hvac.adapters import JSONAdapter

        return JSONAdapter(
            base_uri=self._config.url,
            token=plain,
            namespace=self._config.namespace if namespace else None,
            session=Exchange(session, self._endpoint, deadline, doing),
            allow_redirects=False,
        )

    def reopen(self) -> None:
        """Let later requests use new connections, with the client certificate as it is now.

        The old ones are left to those who are using them.
        """
        with self._lock:
            self._session = None

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _opened(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = _open_session(self._endpoint)
                if self._config.auth_method == "cert":
                    show_certificate(self._session, self._config)
            return self._session


def _open_session(endpoint: Endpoint) -> requests.Session:
    try:
        import hvac  # noqa: F401  # here, so that the message names the right package
    except ModuleNotFoundError as error:
        raise missing_package(endpoint.vault, error) from error
    return open_session(endpoint)
