"""The options of the gcp vault."""

from __future__ import annotations

import urllib.parse
from dataclasses import dataclass

from kong_vault_py.errors import ConfigError
from kong_vault_py.options import StrategyConfig, option
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.http.endpoint import Endpoint

__all__ = ["GcpConfig"]

# An id ("my-project"), one of a domain ("example.com:my-project"), or a number.
_PROJECT = "^%w[%w.:-]*$"
_GOOGLE_URL = "https://secretmanager.googleapis.com"


@dataclass(frozen=True)
class GcpConfig(StrategyConfig):
    """Options of the gcp vault; ``project_id`` is Kong's, the others are ours."""

    project_id: str = option("", required=True, match=_PROJECT, help="Id or number of the project with the secrets.")
    service_account: Secret | None = option(
        None,
        secret=True,
        help="Key of a service account (JSON text); unset: GCP_SERVICE_ACCOUNT, else application default credentials.",
    )
    endpoint_url: str = option(
        _GOOGLE_URL, help="Base URL of the API, for a private endpoint or an emulator: scheme, host and port."
    )
    ca_cert: str | None = option(
        None,
        help="File (PEM) of the certificate authority to trust at Google; unset: the public ones that certifi has.",
    )

    def __post_init__(self) -> None:
        """Refuse an endpoint that is more, or less, than scheme, host and port."""
        problem = ConfigError(f"option 'endpoint_url': {self.endpoint_url!r} won't do: expected https://host[:port]")
        if not (self.endpoint_url.isascii() and self.endpoint_url.isprintable()) or " " in self.endpoint_url:
            raise problem
        try:
            parts = urllib.parse.urlsplit(self.endpoint_url)
            port = parts.port
        except ValueError:
            raise problem from None
        host = parts.hostname or ""
        written = f"[{host}]" if ":" in host else host
        expected = written if port is None else f"{written}:{port}"
        if parts.scheme not in ("http", "https") or not host or parts.netloc.lower() != expected:
            raise problem
        if parts.path not in ("", "/") or parts.query or parts.fragment:
            raise problem

    @property
    def url(self) -> str:
        """The API's base URL, without a slash at its end."""
        return self.endpoint_url.rstrip("/")

    @property
    def endpoint(self) -> Endpoint:
        """The API's server."""
        return Endpoint("gcp", self.url, "option 'endpoint_url'", ca_cert=self.ca_cert)
