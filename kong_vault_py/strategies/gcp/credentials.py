"""Who we are to Google: a service account's key, application default credentials, or the machine's own identity."""

from __future__ import annotations

import json
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import AuthenticationError
from kong_vault_py.strategies.gcp.config import GcpConfig
from kong_vault_py.strategies.http.session import missing_package

if TYPE_CHECKING:
    from google.auth.credentials import Credentials

__all__ = ["Identity", "find_identity"]

_SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)
_KEY_VARIABLE = "GCP_SERVICE_ACCOUNT"
_FILE_VARIABLE = "GOOGLE_APPLICATION_CREDENTIALS"
_WELL_KNOWN_FILE = "application_default_credentials.json"


class Identity:
    """Credentials, and where they were found.

    Attributes:
        credentials: google-auth's credentials, without a token at first.
        source: where they come from, for error texts.
        remedy: what to do where there are none there.
    """

    def __init__(self, credentials: Credentials, source: str, remedy: str = "") -> None:
        self.credentials = credentials
        self.source = source
        self.remedy = remedy


def find_identity(config: GcpConfig, request: Any) -> Identity:
    """Return the first identity that there is, in the order of the documentation.

    google-auth's own search (``google.auth.default``) would probe for a metadata server with retries of its own, and
    start ``gcloud``; its result is the same.

    Args:
        config: may hold a service account's key.
        request: what google-auth sends requests with.

    Raises:
        AuthenticationError: the first one found is unusable.
        MissingDependencyError: google-auth is not installed.
    """
    if config.service_account is not None:
        return _from_key(config.service_account.reveal(), "option 'service_account'")
    if os.environ.get(_KEY_VARIABLE):
        return _from_key(os.environ[_KEY_VARIABLE], f"environment variable {_KEY_VARIABLE}")
    if os.environ.get(_FILE_VARIABLE):
        return _from_file(Path(os.environ[_FILE_VARIABLE]), request)
    folder = os.environ.get("CLOUDSDK_CONFIG") or os.path.expanduser("~/.config/gcloud")  # noqa: PTH111  # never fails
    well_known = Path(folder) / _WELL_KNOWN_FILE
    if well_known.is_file():
        return _from_file(well_known, request)
    return _of_this_machine()


def _from_key(text: str, source: str) -> Identity:
    try:
        from google.oauth2 import service_account
    except ModuleNotFoundError as error:
        raise missing_package("gcp", error) from error
    try:
        make = service_account.Credentials.from_service_account_info
        credentials = make(json.loads(text), scopes=_SCOPES)  # type: ignore[no-untyped-call]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        # What the parsers say may quote the key.
        raise AuthenticationError(
            f"{source}: this is not the JSON key of a service account; it must hold what the downloaded file holds"
        ) from None
    return Identity(credentials, source)


def _from_file(path: Path, request: Any) -> Identity:
    try:
        import google.auth
    except ModuleNotFoundError as error:
        raise missing_package("gcp", error) from error
    source = f"application default credentials in {str(path)!r}"
    try:
        with warnings.catch_warnings():
            # google-auth warns of files from strangers; this one is the operator's.
            warnings.simplefilter("ignore")
            load = google.auth.load_credentials_from_file
            credentials, _ = load(str(path), scopes=_SCOPES, request=request)  # type: ignore[no-untyped-call]
    except (google.auth.exceptions.GoogleAuthError, OSError, ValueError, TypeError, KeyError, AttributeError):
        raise AuthenticationError(f"{source}: can't be read, or hold no credentials of Google's") from None
    return Identity(credentials, source)


def _of_this_machine() -> Identity:
    try:
        from google.auth import compute_engine
    except ModuleNotFoundError as error:
        raise missing_package("gcp", error) from error
    # The universe is given lest the metadata server be asked for it.
    credentials = compute_engine.Credentials(  # type: ignore[no-untyped-call]
        scopes=_SCOPES, universe_domain="googleapis.com"
    )
    remedy = f"set {_KEY_VARIABLE} or option 'service_account', or run on Google Cloud with a service account"
    return Identity(credentials, "the metadata server", remedy)
