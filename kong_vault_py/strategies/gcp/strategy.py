"""The gcp vault: Google Cloud Secret Manager."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from kong_vault_py.errors import (
    AuthenticationError,
    InvalidResponseError,
    PermissionDeniedError,
    SecretNotFoundError,
)
from kong_vault_py.options import StrategyConfig
from kong_vault_py.strategies.base import Fetched, Health, Strategy
from kong_vault_py.strategies.gcp.checksum import crc32c
from kong_vault_py.strategies.gcp.client import Client
from kong_vault_py.strategies.gcp.config import GcpConfig
from kong_vault_py.strategies.gcp.connections import Connections
from kong_vault_py.strategies.gcp.tokens import Tokens
from kong_vault_py.strategies.http.deadline import Deadline

__all__ = ["GcpStrategy"]

_NAME = re.compile(r"[A-Za-z0-9_-]{1,255}")
_LATEST = "latest"
_MAX_VERSION = 2**31 - 1
_PROBE = "kong-vault-py-health-check"
_CHECKING = "checking Secret Manager's health"


class GcpStrategy(Strategy[GcpConfig]):
    """Reads secret versions; the value is the version's payload, as it is.

    A pinned version is not immutable: it can be disabled, which is how a leaked value is taken back, or destroyed, and
    the numbers start over at 1 when a secret is deleted and made anew.
    """

    name: ClassVar[str] = "gcp"
    config_class: ClassVar[type[StrategyConfig]] = GcpConfig
    sdk: ClassVar[tuple[str, ...]] = ("google.cloud.secretmanager_v1", "google.auth", "requests")

    def __init__(self, config: GcpConfig) -> None:
        super().__init__(config)
        self._connections = Connections(config.endpoint)
        self._tokens = Tokens(config, self._connections)
        self._client = Client(config.url, self._connections)

    def fetch(self, resource: str, version: float | None, *, timeout_s: float) -> Fetched:
        """Return a version's payload, getting an access token first where needed.

        Google may refuse a token before it expires: then one new token, and one more try.
        """
        doing = f"reading {resource!r} from Google Secret Manager"
        name = self._version_name(resource, version, doing)
        deadline = Deadline(timeout_s)
        credentials = self._tokens.headers(deadline)
        try:
            return self._read(name, credentials, deadline, doing)
        except AuthenticationError:
            credentials = self._tokens.headers(deadline, refused=credentials)
        return self._read(name, credentials, deadline, doing)

    def check(self, *, timeout_s: float) -> Health:
        """Ask for a secret that needn't exist: whether Google accepts our token needs no permission beyond reading."""
        deadline = Deadline(timeout_s)
        name = self._version_name(_PROBE, None, _CHECKING)
        return Health.of(
            lambda: self._read(name, self._tokens.headers(deadline), deadline, _CHECKING),
            fine=(SecretNotFoundError, PermissionDeniedError),
        )

    def close(self) -> None:
        """Forget the token and close the connections; the token itself lives on at Google until it expires."""
        self._tokens.close()
        self._connections.close()

    def _version_name(self, resource: str, version: float | None, doing: str) -> str:
        if not _NAME.fullmatch(resource):
            raise SecretNotFoundError(
                f"{doing}: a secret's name is 1 to 255 letters, digits, '-' and '_', without slashes"
            )
        if version is None:
            number = _LATEST
        elif 1 <= version <= _MAX_VERSION and float(version).is_integer():
            number = str(int(version))
        else:
            raise SecretNotFoundError(f"{doing}: versions are whole numbers from 1 on, not {version:g}")
        return f"projects/{self.config.project_id}/secrets/{resource}/versions/{number}"

    def _read(self, name: str, credentials: Mapping[str, str], deadline: Deadline, doing: str) -> Fetched:
        answer = self._client.access(name, credentials, deadline, doing)
        # Google answers with the project's number in place of its id, and with the latest version's number.
        secret = name.split("/")[3]
        if not re.fullmatch(f"projects/[^/]+/secrets/{secret}/versions/[0-9]+", answer.name):
            raise InvalidResponseError(f"{doing}: the answer is for something else; check option 'endpoint_url'")
        if "payload" not in answer:
            raise InvalidResponseError(f"{doing}: the answer holds no payload")
        payload = answer.payload
        if "data_crc32c" in payload and payload.data_crc32c != crc32c(payload.data):
            raise InvalidResponseError(f"{doing}: the value was damaged on its way (CRC32C differs); try again")
        return Fetched(payload.data)
