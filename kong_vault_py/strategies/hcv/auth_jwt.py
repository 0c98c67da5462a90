"""Login with a JWT that an identity provider gives for client credentials (OAuth 2.0, RFC 6749, section 4.4)."""

from __future__ import annotations

from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.outside import Outside, document
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.http.exchange import Answer

__all__ = ["JwtLogin"]

_DOING = "logging in to Vault by JWT"
_ASKING = "asking the identity provider for a token"
_OPTIONS = "options 'oauth2_token_endpoint', 'oauth2_client_id', 'oauth2_client_secret' and 'oauth2_audiences'"


class JwtLogin:
    """Logs in anew as often as needed, with a new token of the identity provider's."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config
        self._in_header = False

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Get a token from the identity provider and log in with it."""
        adapter = transport.adapter(None, deadline, _DOING)
        token = self._access_token(Outside(_ASKING, _OPTIONS, deadline, self._config.ca_cert))
        from hvac.api.auth_methods import JWT

        mount = self._config.jwt_auth_path.strip("/")
        return logged_in(
            lambda: JWT(adapter).jwt_login(role=self._config.jwt_role, jwt=token.reveal(), use_token=False, path=mount),
            _DOING,
            mount,
            "check 'jwt_role', and its bound audiences, subject and claims",
        )

    def _access_token(self, provider: Outside) -> Secret:
        answer = self._ask(provider)
        if not self._in_header and answer.status in (400, 401) and document(answer).get("error") == "invalid_client":
            # Some providers take the client's credentials in the body alone, some in the header alone.
            self._in_header = True
            answer = self._ask(provider)
        if answer.status != 200:
            self._in_header = False
            raise provider.refused(answer, self._endpoint)
        token = document(answer).get("access_token")
        if not isinstance(token, str) or not token:
            raise provider.lacking("access token")
        return Secret(token)

    def _ask(self, provider: Outside) -> Answer:
        config = self._config
        secret = config.oauth2_client_secret.reveal() if config.oauth2_client_secret else ""
        form = [("grant_type", "client_credentials")]
        form += [
            ("audience", wanted.strip()) for wanted in (config.oauth2_audiences or "").split(",") if wanted.strip()
        ]
        if self._in_header:
            auth = (_form_encoded(config.oauth2_client_id or ""), _form_encoded(secret))
            return provider.exchange("POST", self._endpoint, data=form, auth=auth)
        form += [("client_id", config.oauth2_client_id or ""), ("client_secret", secret)]
        return provider.exchange("POST", self._endpoint, data=form)

    @property
    def _endpoint(self) -> str:
        return self._config.oauth2_token_endpoint or ""


def _form_encoded(text: str) -> str:
    """Encode as RFC 6749, section 2.3.1, asks for in the header."""
    from urllib.parse import quote_plus

    return quote_plus(text)
