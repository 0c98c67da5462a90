"""Asking a vault for a token pair: what may become part of a reference, how often, and what nobody learns from it."""

from __future__ import annotations

import re
from collections.abc import Callable

from kong_vault_py.errors import (
    ConfigError,
    InvalidReferenceError,
    InvalidResponseError,
    SecretNotFoundError,
    UnavailableError,
    VaultError,
)
from kong_vault_py.plugin import vault
from kong_vault_py.plugin_kit.vault_auth.record import Record, same
from kong_vault_py.secret import Secret

__all__ = ["ACCESS_TOKEN", "Credentials"]

#: What an access token may look like: a client's text becomes a secret's name, and must not lead anywhere else.
ACCESS_TOKEN = re.compile(r"(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9_.~-]{0,254}")

_MAX_SECRET_TOKEN = 4096
_PREFIX = re.compile(r"[A-Za-z0-9_-]+")
_PATH = re.compile(r"(?!.*\.\.)[A-Za-z0-9_.~-]+(?:/[A-Za-z0-9_.~-]+)*")
#: As long as a wrong secret token keeps from asking again: both kinds of failure look the same from outside.
_NEG_TTL_S = 1
_MOST_TOLD = 100


class _MismatchError(Exception):
    """The record has another secret token: maybe a rotated one."""


class _OverdueError(Exception):
    """The record is older than its own ttl."""


class Credentials:
    """The token pairs in one vault.

    Args:
        prefix: the vault entity's prefix, or a strategy's name.
        path: the folder of the records in it, ``None`` for its top.
        ttl_s: seconds after which a record is asked for again in the background.

    Raises:
        ConfigError: prefix or path can't be part of a reference.
    """

    def __init__(self, prefix: str, path: str | None, ttl_s: float) -> None:
        if not _PREFIX.fullmatch(prefix):
            raise ConfigError(f"vault: {prefix!r} is no vault's prefix: expected letters, digits, '-' and '_'")
        folder = (path or "").strip("/")
        if folder and not _PATH.fullmatch(folder):
            raise ConfigError(f"path: {path!r} is no folder of secrets: expected names of A-Z a-z 0-9 _ . ~ - and '/'")
        self._prefix = prefix
        self._start = f"{{vault://{prefix}/{folder + '/' if folder else ''}"
        # The slash at the end makes the whole text the secret's name, no part of it a key.
        self._end = f"/?ttl={ttl_s:g}&neg_ttl={_NEG_TTL_S}}}"
        self._told: set[str] = set()

    def verify(self, access_token: str, secret_token: str, warn: Callable[[str], None]) -> Record | None:
        """Return the pair's record, ``None`` for a pair that is not valid.

        A secret token that doesn't match is held against a fresh record, at most once a second for one access token:
        a rotated pair works at once, and unknown access tokens can't be told from known ones by their questions to
        the vault.

        Args:
            access_token: as the client sent it.
            secret_token: likewise.
            warn: takes what is wrong with a record.

        Raises:
            VaultError: the vault can't be asked.
        """
        if not ACCESS_TOKEN.fullmatch(access_token) or not 0 < len(secret_token) <= _MAX_SECRET_TOKEN:
            return None
        reference = f"{self._start}{access_token}{self._end}"
        try:
            return vault().try_(
                lambda document: self._checked(reference, document, access_token, secret_token),
                vault().plan(reference),
                retry_on=(_MismatchError, _OverdueError),
            )
        except _MismatchError:
            return None
        except (SecretNotFoundError, InvalidReferenceError):
            same(secret_token, access_token)  # the same work as for a record that is there
            return None
        except _OverdueError:
            raise UnavailableError(
                f"vault '{self._prefix}' can't be asked for a credential whose own ttl is over"
            ) from None
        except _NoRecordError as error:
            self._tell(access_token, f"the secret of access token '{access_token}' is no credential: {error}", warn)
            return None
        except VaultError as error:
            raise type(error)(self._without(access_token, str(error))) from None

    def tell(self, access_token: str, problem: str, warn: Callable[[str], None]) -> None:
        """Say once what is wrong with a record."""
        self._tell(access_token, f"the credential of access token '{access_token}' can't be used: {problem}", warn)

    def _checked(self, reference: str, document: Secret, access_token: str, secret_token: str) -> Record:
        try:
            record = Record.parse(document.reveal(), access_token)
        except InvalidResponseError as error:
            same(secret_token, access_token)
            raise _NoRecordError(str(error)) from None
        if not same(secret_token, record.secret_token):
            raise _MismatchError
        if record.ttl_s is not None and vault().lookup(reference).age_s > record.ttl_s:
            raise _OverdueError
        return record

    def _tell(self, access_token: str, message: str, warn: Callable[[str], None]) -> None:
        """Whoever knows the names of other secrets can't fill the log with them."""
        if access_token not in self._told and len(self._told) < _MOST_TOLD:
            self._told.add(access_token)
            warn(message)

    def _without(self, access_token: str, text: str) -> str:
        """Return an error's text without what the client sent: people paste secrets into the wrong field."""
        bare = re.sub(rf"(?<![\w.~-]){re.escape(access_token)}(?![\w~-])", "<access token>", text)
        return f"vault '{self._prefix}' can't be asked for credentials: {bare}"


class _NoRecordError(Exception):
    """What stands under the access token's name is something else."""
