"""Login with AppRole: a role ID, and a secret ID from the config or a file, which may be response-wrapped."""

from __future__ import annotations

from kong_vault_py.errors import InvalidResponseError
from kong_vault_py.secret import Secret
from kong_vault_py.strategies.hcv.answers import RefusedError, login_refused
from kong_vault_py.strategies.hcv.config import HcvConfig
from kong_vault_py.strategies.hcv.credential_file import read_credential
from kong_vault_py.strategies.hcv.login import Login, logged_in
from kong_vault_py.strategies.hcv.transport import Transport
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["AppRoleLogin"]

_DOING = "logging in to Vault by AppRole"
_UNWRAPPING = "unwrapping the AppRole secret ID"


class AppRoleLogin:
    """Logs in anew as often as needed. Calls must not overlap (``tokens.py`` makes sure)."""

    repeatable = True

    def __init__(self, config: HcvConfig) -> None:
        self._config = config
        self._wrapping_token: Secret | None = None
        self._unwrapped: Secret | None = None

    def login(self, transport: Transport, deadline: Deadline) -> Login:
        """Log in with the secret ID as it is now."""
        secret_id = self._secret_id(transport, deadline)
        adapter = transport.adapter(None, deadline, _DOING)
        from hvac.api.auth_methods import AppRole

        mount = self._config.approle_auth_path.strip("/")
        return logged_in(
            lambda: AppRole(adapter).login(
                role_id=self._config.approle_role_id,
                secret_id=secret_id.reveal(),
                use_token=False,
                mount_point=mount,
            ),
            _DOING,
            mount,
            "check role ID, secret ID and 'approle_auth_path'",
        )

    def _secret_id(self, transport: Transport, deadline: Deadline) -> Secret:
        given = self._given()
        if not self._config.approle_response_wrapping:
            return given
        if self._unwrapped is None or given != self._wrapping_token:
            self._unwrapped = _unwrap(given, transport, deadline)
            self._wrapping_token = given
        return self._unwrapped

    def _given(self) -> Secret:
        path = self._config.approle_secret_id_file
        if path is not None:
            return read_credential(path, "approle_secret_id_file", "secret ID")
        given = self._config.approle_secret_id
        return Secret(given.reveal().strip() if given else "")


def _unwrap(wrapping_token: Secret, transport: Transport, deadline: Deadline) -> Secret:
    adapter = transport.adapter(wrapping_token, deadline, _UNWRAPPING)
    from hvac.api.system_backend.wrapping import Wrapping

    try:
        answer = Wrapping(adapter).unwrap()
    except RefusedError as refused:
        raise login_refused(
            refused,
            _UNWRAPPING,
            "a wrapping token works once, for a limited time: make a new one, and if nobody here used it, "
            "treat the secret ID as stolen",
        ) from None
    data = answer.get("data")
    secret_id = data.get("secret_id") if isinstance(data, dict) else None
    if not isinstance(secret_id, str) or not secret_id:
        raise InvalidResponseError(f"{_UNWRAPPING}: what was wrapped holds no secret ID")
    return Secret(secret_id)
