"""A pooled session of requests that takes nothing from the environment."""

from __future__ import annotations

import logging
import ssl
from typing import TYPE_CHECKING

from kong_vault_py.errors import ConfigError, MissingDependencyError
from kong_vault_py.strategies.http.endpoint import Endpoint

if TYPE_CHECKING:
    import requests

__all__ = ["missing_package", "open_session"]

_POOLED_CONNECTIONS = 16

log = logging.getLogger(__name__)


def open_session(endpoint: Endpoint) -> requests.Session:
    """Make a session for one server; the first request connects.

    Raises:
        MissingDependencyError: requests or urllib3 is not installed.
        ConfigError: ``ca_cert`` holds no certificate.
    """
    try:
        import requests
        import urllib3
    except ModuleNotFoundError as error:
        raise missing_package(endpoint.vault, error) from error
    session = requests.Session()
    # No proxies, netrc or CA bundles from the environment: what isn't configured isn't there.
    session.trust_env = False
    session.verify = _trusted(endpoint.ca_cert) if endpoint.ssl_verify else False
    session.headers["Accept-Encoding"] = "identity"
    pool = requests.adapters.HTTPAdapter(pool_connections=1, pool_maxsize=_POOLED_CONNECTIONS, max_retries=0)
    session.mount(endpoint.url, pool)
    if endpoint.url.startswith("https:") and not endpoint.ssl_verify:
        log.warning(
            "%s vault %s: ssl_verify is off, so whoever answers there gets the token", endpoint.vault, endpoint.url
        )
        urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
    return session


def missing_package(vault: str, error: ModuleNotFoundError) -> MissingDependencyError:
    """Return the error for a package that a strategy needs and that is not installed."""
    return MissingDependencyError(
        f"vault strategy '{vault}' needs the Python package '{error.name}': pip install 'kong-vault-py[{vault}]'"
    )


def _trusted(ca_cert: str | None) -> str | bool:
    if ca_cert is None:
        return True
    try:
        ssl.create_default_context(cafile=ca_cert)
    except OSError as error:
        raise ConfigError(
            f"option 'ca_cert': {ca_cert!r} holds no readable PEM certificate: {error.strerror or error}"
        ) from error
    return ca_cert
