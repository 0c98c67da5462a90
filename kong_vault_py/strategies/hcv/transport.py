"""The connections to Vault: hvac's adapter on one pooled session that takes nothing from the environment."""

from __future__ import annotations

import logging
import ssl
import threading
from typing import TYPE_CHECKING

from kong_vault_py.errors import AuthenticationError, ConfigError, MissingDependencyError
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.deadline import Deadline
from kong_vault_py.strategies.hcv.exchange import Exchange

if TYPE_CHECKING:
    import requests
    from hvac.adapters import JSONAdapter

    from kong_vault_py.secret import Secret

__all__ = ["Transport"]

_POOLED_CONNECTIONS = 16

log = logging.getLogger(__name__)


class Transport:
    """The connections to one Vault server; opens on first use, safe for threads and greenlets."""

    def __init__(self, config: HcvConfig) -> None:
        self._config = config
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
            AuthenticationError: the token can't be a token.
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
            session=Exchange(session, self._config.url, deadline, doing),
            allow_redirects=False,
        )

    def close(self) -> None:
        """Close the connections; a later request opens new ones."""
        with self._lock:
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _opened(self) -> requests.Session:
        with self._lock:
            if self._session is None:
                self._session = _open_session(self._config)
            return self._session


def _open_session(config: HcvConfig) -> requests.Session:
    try:
        import hvac  # noqa: F401  # here, so that the message names the right package
        import requests
        import urllib3
    except ModuleNotFoundError as error:
        raise MissingDependencyError(
            f"vault strategy 'hcv' needs the Python package '{error.name}': pip install 'kong-vault-py[hcv]'"
        ) from error
    session = requests.Session()
    # No proxies, netrc or CA bundles from the environment: what isn't configured isn't there.
    session.trust_env = False
    session.verify = _trusted(config) if config.ssl_verify else False
    session.headers["Accept-Encoding"] = "identity"
    pool = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=_POOLED_CONNECTIONS, max_retries=0)
    session.mount(config.url, pool)
    if config.protocol == "https" and not config.ssl_verify:
        log.warning("hcv vault %s: ssl_verify is off, so whoever answers there gets the token", config.url)
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session


def _trusted(config: HcvConfig) -> str | bool:
    if config.ca_cert is None:
        return True
    try:
        ssl.create_default_context(cafile=config.ca_cert)
    except OSError as error:
        raise ConfigError(
            f"option 'ca_cert': {config.ca_cert!r} holds no readable PEM certificate: {error.strerror or error}"
        ) from error
    return config.ca_cert
