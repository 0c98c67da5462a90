"""Reading one secret of a KV engine, version 1 or 2: what to ask for, and what the answer means."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from kong_vault_py.errors import InvalidResponseError, SecretNotFoundError
from kong_vault_py.strategies.base import Fetched
from kong_vault_py.strategies.hcv.config import HcvConfig

if TYPE_CHECKING:
    from hvac.adapters import JSONAdapter

__all__ = ["Query"]


class Query:
    """What a reference asks of the KV engine.

    Args:
        config: mount and version of the engine.
        resource: the path below the mount.
        version: a version of a KV v2 secret; ``None`` for the current one.

    Raises:
        SecretNotFoundError: no such path or version can exist.
    """

    def __init__(self, config: HcvConfig, resource: str, version: float | None) -> None:
        self.doing = f"reading {resource!r} from Vault"
        self._v2 = config.kv == "v2"
        self._mount = config.mount.strip("/")
        self._path = self._checked_path(resource)
        self._version = self._checked_version(version)

    def read(self, adapter: JSONAdapter) -> Fetched:
        """Read the secret.

        Raises:
            RefusedError: Vault says no.
            VaultError: there was no answer, or none that makes sense.
        """
        from hvac.api.secrets_engines import KvV1, KvV2

        if not self._v2:
            return self._fetched_v1(KvV1(adapter).read_secret(self._path, mount_point=self._mount))
        return self._fetched_v2(
            KvV2(adapter).read_secret_version(
                self._path, version=self._version, mount_point=self._mount, raise_on_deleted_version=True
            )
        )

    def _checked_path(self, resource: str) -> str:
        path = resource.strip("/")
        # HTTP clients resolve dot segments: they would lead out of the mount.
        if not path or {"", ".", ".."} & set(path.split("/")):
            raise SecretNotFoundError(f"{self.doing}: this can't be the path of a secret")
        try:
            path.encode("utf-8")
        except UnicodeEncodeError:
            raise SecretNotFoundError(f"{self.doing}: Vault's paths are UTF-8, this one is not") from None
        return path

    def _checked_version(self, version: float | None) -> int | None:
        if version is None:
            return None
        if not self._v2:
            raise SecretNotFoundError(f"{self.doing}: a KV v1 engine has no versions; remove the '#' part")
        if version < 1 or not float(version).is_integer():
            raise SecretNotFoundError(f"{self.doing}: versions are whole numbers from 1 on, not {version:g}")
        return int(version)

    def _fetched_v1(self, answer: dict[str, Any]) -> Fetched:
        """Return the fields; the lease is the secret's own only where it has a field ``ttl``.

        To every other secret Vault gives its default lease of 32 days, which says nothing.
        """
        fields = answer.get("data")
        lease_s = answer.get("lease_duration")
        own = isinstance(fields, dict) and "ttl" in fields and isinstance(lease_s, (int, float)) and lease_s > 0
        return Fetched(self._text(fields), lease_s if own else None)

    def _fetched_v2(self, answer: dict[str, Any]) -> Fetched:
        data = answer.get("data")
        if not (isinstance(data, dict) and isinstance(data.get("metadata"), dict)):
            raise InvalidResponseError(f"{self.doing}: the answer is not a KV v2 engine's; check option 'kv'")
        return Fetched(self._text(data.get("data")))

    def _text(self, fields: object) -> str:
        if not isinstance(fields, dict):
            raise InvalidResponseError(f"{self.doing}: the answer holds no fields")
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        try:
            text.encode("utf-8")
        except UnicodeEncodeError:
            raise InvalidResponseError(f"{self.doing}: the answer is not valid Unicode") from None
        return text
