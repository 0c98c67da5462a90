"""The embedded mode: a store file on this machine."""

from __future__ import annotations

from kong_vault_py.config_store import BrokenSealError, Envelope, MasterKeys, WrongMasterKeyError
from kong_vault_py.config_store.store_file import StoreFile
from kong_vault_py.errors import AuthenticationError, ConfigError, InvalidResponseError, MissingDependencyError
from kong_vault_py.strategies.http.deadline import Deadline
from kong_vault_py.strategies.konnect.config import KonnectConfig

__all__ = ["EmbeddedStore"]


class EmbeddedStore:
    """Reads a store file. The operating system gives no deadline for that.

    Args:
        config: the vault's config.
    """

    def __init__(self, config: KonnectConfig) -> None:
        self._config = config
        self._file = StoreFile(config.store_file or "")

    def read(self, key: str, version: int | None, deadline: Deadline) -> str:  # noqa: ARG002  # as the class says
        """Return a secret's value.

        Raises:
            SecretNotFoundError: there is no such secret or version.
            AuthenticationError: the master key is missing, or another one.
            StrategyError: the file can't be read.
        """
        envelope = self._envelope()
        try:
            return self._file.get(key, version, envelope)
        except WrongMasterKeyError as error:
            raise self._refused(error, f"secret {key!r} of ") from None

    def check(self, deadline: Deadline) -> None:  # noqa: ARG002  # as above
        """Raise a :class:`VaultError` unless the file can be read with the master keys at hand."""
        try:
            self._file.check(self._envelope())
        except WrongMasterKeyError as error:
            raise self._refused(error, "") from None

    def close(self) -> None:
        """Nothing is kept open."""

    def _envelope(self) -> Envelope:
        """Read the keys anew with each fetch: a rotation is noticed, and values are fetched seldom."""
        self._check_id()
        assert self._config.master_key is not None
        try:
            return Envelope(MasterKeys.load(self._config.master_key.reveal()))
        except MissingDependencyError:
            raise
        except ConfigError as error:
            # What was read before is served on, as when a vault refuses a token.
            raise AuthenticationError(f"option 'master_key': {error}") from None

    def _check_id(self) -> None:
        wanted = self._config.config_store_id
        if wanted is None:
            return
        found = self._file.store_id
        if found != wanted:
            raise InvalidResponseError(
                f"store file {self._config.store_file} has the id {found}, and option 'config_store_id' {wanted}"
            )

    def _refused(self, error: WrongMasterKeyError, what: str) -> AuthenticationError | InvalidResponseError:
        told = f"{what}store file {self._config.store_file}: {error}"
        if isinstance(error, BrokenSealError):
            return InvalidResponseError(f"{told}; restore it from a backup")
        return AuthenticationError(f"{told}; check option 'master_key'")
