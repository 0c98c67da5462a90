"""Login as a Google service account: with a JWT signed by its key here, or by Google for who may sign in its name."""

from __future__ import annotations

import json
import time
from typing import Any

from kong_vault_py.errors import AuthenticationError, MissingDependencyError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.cloud_options import login_mount
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.outside import Outside, document
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.bounded import within
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.one_line import one_line

__all__ = ["GcpIamLogin"]

_DOING = "logging in to Vault by GCP IAM"
_FINDING = "finding Google credentials"
_SIGNING = "asking Google to sign a JWT"
_OPTIONS = "GOOGLE_APPLICATION_CREDENTIALS, or that this machine runs in Google Cloud with a service account"
_SIGNING_OPTIONS = (
    "option 'gcp_service_account', and that our credentials have roles/iam.serviceAccountTokenCreator on it"
)
_SCOPES = ["https://www.googleapis.com/auth/cloud-platform"]
_IAM_URL = "https://iamcredentials.googleapis.com"


class GcpIamLogin:
    """Logs in anew as often as needed.

    Args:
        config: the vault's.
        iam_url: the IAM Service Account Credentials API.
    """

    repeatable = True

    def __init__(self, config: HcvConfig, iam_url: str = _IAM_URL) -> None:
        self._config = config
        self._iam_url = iam_url

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Have a JWT for the role signed, and log in with it."""
        adapter = transport.adapter(None, deadline, _DOING)
        token = within(deadline, _FINDING, lambda: self._signed_jwt(deadline))
        from hvac.api.auth_methods import Gcp

        mount = login_mount(self._config.gcp_login_path) or ""
        return logged_in(
            lambda: Gcp(adapter).login(
                role=self._config.gcp_auth_role, jwt=token.reveal(), use_token=False, mount_point=mount
            ),
            _DOING,
            mount,
            "check 'gcp_auth_role' and 'gcp_login_path', and that the role admits 'gcp_service_account'",
        )

    def _signed_jwt(self, deadline: Deadline) -> Secret:
        try:
            import google.auth
            import google.auth.exceptions
        except ModuleNotFoundError as error:
            raise MissingDependencyError(
                f"auth_method 'gcp_iam' needs the Python package '{error.name}': pip install 'kong-vault-py[hcv,gcp]'"
            ) from error
        claims = {
            "sub": self._config.gcp_service_account,
            "aud": f"vault/{self._config.gcp_auth_role}",
            "exp": int(time.time()) + self._config.gcp_jwt_exp,
        }
        send: Any = _Sender(Outside(_FINDING, _OPTIONS, deadline))
        try:
            credentials, _ = google.auth.default(scopes=_SCOPES, request=send)
            return _signed_here(credentials, claims) or self._signed_by_google(credentials, claims, send, deadline)
        except google.auth.exceptions.GoogleAuthError as error:
            raise AuthenticationError(f"{_FINDING}: {_said(error)}; check {_OPTIONS}") from None

    def _signed_by_google(self, credentials: Any, claims: dict[str, Any], send: Any, deadline: Deadline) -> Secret:
        credentials.refresh(send)
        google = Outside(_SIGNING, _SIGNING_OPTIONS, deadline)
        answer = google.ask(
            "POST",
            f"{self._iam_url}/v1/projects/-/serviceAccounts/{self._config.gcp_service_account}:signJwt",
            headers={"Authorization": f"Bearer {credentials.token}"},
            json={"payload": json.dumps(claims)},
        )
        signed = document(answer).get("signedJwt")
        if not isinstance(signed, str) or not signed:
            raise google.lacking("signed JWT")
        return Secret(signed)


class _Sender:
    """How google-auth sends its requests: within our deadline, and without its retries, for our errors are not its."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside

    def __call__(
        self, url: str, method: str = "GET", body: object = None, headers: object = None, **_: object
    ) -> _GoogleAnswer:
        answer = self._outside.exchange(method, url, data=body, headers=headers)
        if answer.status >= 500:
            raise self._outside.refused(answer, url)
        return _GoogleAnswer(answer.status, answer.headers, answer.body)


class _GoogleAnswer:
    """What google-auth reads of an answer."""

    def __init__(self, status: int, headers: object, data: bytes) -> None:
        self.status = status
        self.headers = headers
        self.data = data


def _said(error: BaseException) -> str:
    """Return google-auth's own words; its errors wrap each other, and carry the answer beside the text."""
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    return one_line(str(error.args[0] if error.args else error))


def _signed_here(credentials: Any, claims: dict[str, Any]) -> Secret | None:
    """Sign with the key of the service account itself; ``None`` where the credentials are another's."""
    import google.auth.jwt
    from google.oauth2 import service_account

    jwt: Any = google.auth.jwt
    if not isinstance(credentials, service_account.Credentials) or credentials.signer_email != claims["sub"]:
        return None
    signed: bytes = jwt.encode(credentials.signer, claims)
    return Secret(signed)
