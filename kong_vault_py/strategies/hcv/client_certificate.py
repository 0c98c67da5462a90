"""The client certificate that every connection shows when auth_method is ``cert``.

Every one, not only the login's: Vault compares it again when the token is renewed.
"""

from __future__ import annotations

import os
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.config import HcvConfig

if TYPE_CHECKING:
    import requests

__all__ = ["show_certificate"]

_PEM = "-----BEGIN "
_POOLED_CONNECTIONS = 16


def show_certificate(session: requests.Session, config: HcvConfig) -> None:
    """Give a new session to Vault the configured certificate, read now where a file holds it.

    Raises:
        AuthenticationError: it can't be read, or the key isn't the certificate's.
    """
    import urllib3

    pem = b"\n".join(
        [_pem("cert_auth_cert", config.cert_auth_cert), _pem("cert_auth_cert_key", config.cert_auth_cert_key)]
    )
    context = urllib3.util.create_urllib3_context()
    # urllib3 sets the rest by the session's own setting.
    context.check_hostname = config.ssl_verify
    try:
        _load(context, pem)
    except (ssl.SSLError, ValueError) as error:
        reason = error.reason if isinstance(error, ssl.SSLError) and error.reason else "not PEM"
        raise AuthenticationError(
            "options 'cert_auth_cert' and 'cert_auth_cert_key' hold no certificate with its private key, "
            f"unencrypted, in PEM ({reason})"
        ) from None
    pool: Any = session.get_adapter(config.url)
    pool.init_poolmanager(1, _POOLED_CONNECTIONS, ssl_context=context)


def _pem(option: str, given: str | Secret | None) -> bytes:
    """Return the text itself, or that of the file that it names."""
    text = (given.reveal() if isinstance(given, Secret) else given or "").strip()
    if text.startswith(_PEM):
        return text.encode("utf-8", "surrogateescape")
    try:
        return Path(text).read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no path"
        # What was meant to be a key may stand where a path is expected, so it isn't shown.
        raise AuthenticationError(
            f"option '{option}': holds no PEM text, and names no file to read: {reason}"
        ) from None


def _load(context: ssl.SSLContext, pem: bytes) -> None:
    """Load certificate and key; Python takes them from files alone, so they go through one that is only in memory."""
    file = os.memfd_create("client-certificate")
    try:
        os.write(file, pem)
        # The empty password keeps OpenSSL from asking for one at a terminal.
        context.load_cert_chain(f"/proc/self/fd/{file}", password="")
    finally:
        os.close(file)
