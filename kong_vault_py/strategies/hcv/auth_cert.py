"""Login with a TLS client certificate."""

from __future__ import annotations

from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["CertLogin"]

_DOING = "logging in to Vault by certificate"


class CertLogin:
    """Logs in anew as often as needed, with the certificate as it is then."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Log in on a new connection; the certificate is the credential, the request only names the role."""
        transport.reopen()
        adapter = transport.adapter(None, deadline, _DOING)
        mount = self._config.cert_auth_path.strip("/")
        role = self._config.cert_auth_role_name
        # hvac's own Cert class would give the certificate to the session by itself, by file names.
        return logged_in(
            lambda: adapter.login(url=f"/v1/auth/{mount}/login", use_token=False, json={"name": role} if role else {}),
            _DOING,
            mount,
            "check 'cert_auth_role_name', and that Vault trusts this certificate and it has not expired",
        )
