"""The manager as one object: what the HTTP API, the commands and the web page call."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from argon2 import PasswordHasher

from kong_vault_py.config_store import MasterKeys
from kong_vault_py.errors import ConfigError
from kong_vault_py.manager.access.api_tokens import ApiTokens
from kong_vault_py.manager.access.bootstrap import BootstrapAccess
from kong_vault_py.manager.access.nodes import Nodes
from kong_vault_py.manager.access.passwords import Passwords
from kong_vault_py.manager.access.policies import Policies
from kong_vault_py.manager.access.signing_in import SigningIn
from kong_vault_py.manager.access.throttle import Throttle
from kong_vault_py.manager.access.users import Users
from kong_vault_py.manager.audit.log import AuditLog
from kong_vault_py.manager.audit.syslog import SyslogSink
from kong_vault_py.manager.config_stores.secrets import StoreSecrets
from kong_vault_py.manager.config_stores.stores import ConfigStores
from kong_vault_py.manager.database import Database
from kong_vault_py.manager.database.migrating import check_migrated, migrate
from kong_vault_py.manager.dataplane.reports import NodeReports
from kong_vault_py.manager.dataplane.store_values import NodeStoreValues
from kong_vault_py.manager.dataplane.vaults import NodeVaults
from kong_vault_py.manager.groups import Groups
from kong_vault_py.manager.live_envelope import LiveEnvelope
from kong_vault_py.manager.own_key import audit_key
from kong_vault_py.manager.records import Records
from kong_vault_py.manager.settings import ManagerSettings
from kong_vault_py.manager.vaults.deck import DeckFiles
from kong_vault_py.manager.vaults.service import Vaults
from kong_vault_py.secret import Secret

__all__ = ["Manager", "open_database"]

Resolve = Callable[[str], Secret]


class Manager:
    """All services on one database.

    Args:
        settings: the manager's settings.
        records: the data that the services share.
        hasher: argon2's parameters; ``None`` for its own choice.

    Attributes:
        groups: runtime groups. ``vaults``, ``deck``: their vault entities. ``stores``, ``secrets``: Config Stores.
        users: who may sign in; ``signing_in``, ``api_tokens`` and ``bootstrap`` are the ways to do so.
        nodes: data plane nodes, with ``policies`` for what they may resolve.
        node_vaults: what nodes get, with ``node_values`` and ``reports``.
    """

    def __init__(self, settings: ManagerSettings, records: Records, hasher: PasswordHasher | None = None) -> None:
        self.settings = settings
        self.records = records
        passwords = Passwords(hasher)
        throttle = Throttle(settings.login_attempts, settings.login_window_s)
        self.groups = Groups(records)
        self.vaults = Vaults(records)
        self.deck = DeckFiles(records, self.vaults)
        self.stores = ConfigStores(records)
        self.secrets = StoreSecrets(records)
        self.users = Users(records, passwords)
        self.signing_in = SigningIn(records, passwords, throttle, settings.session_s)
        self.api_tokens = ApiTokens(records)
        self.bootstrap = BootstrapAccess(records, passwords, settings.bootstrap_file)
        self.nodes = Nodes(records)
        self.policies = Policies(records)
        self.node_vaults = NodeVaults(records)
        self.node_values = NodeStoreValues(records)
        self.reports = NodeReports(records)

    @classmethod
    def open(
        cls,
        settings: ManagerSettings,
        resolve: Resolve | None = None,
        *,
        hasher: PasswordHasher | None = None,
        now: Callable[[], int] | None = None,
    ) -> Manager:
        """Open the database and the master key.

        Args:
            settings: the manager's settings.
            resolve: resolves references in them.
            hasher: argon2's parameters.
            now: Unix seconds; tests tick their own.

        Raises:
            ConfigError: the database or the master key can't be used, or they don't belong together.
            VaultError: a reference in the settings can't be resolved.
        """
        source = settings.master_key
        if source is None:
            raise ConfigError(
                "the manager needs a master key: make one with `kong-vault store new-key FILE` and set "
                "vault_py_manager_master_key = file:FILE"
            )
        envelope = LiveEnvelope(lambda: MasterKeys.load(source, resolve))
        database = open_database(settings, resolve)
        try:
            if settings.migrate:
                migrate(database)
            else:
                check_migrated(database)
            clock = now or Records.now
            syslog = SyslogSink(settings.syslog) if settings.syslog else None
            audit = AuditLog(audit_key(database, envelope), clock, syslog)
            return cls(settings, Records(database, envelope, audit, clock), hasher)
        except BaseException:
            database.close()
            raise

    def close(self) -> None:
        """Send on what the audit has to, and close the database's connections."""
        self.records.audit.close()
        self.records.database.close()


def open_database(settings: ManagerSettings, resolve: Resolve | None = None) -> Database:
    """Connect to the database that the settings name; a new SQLite file gets mode 0600.

    Raises:
        ConfigError: it can't be.
        VaultError: the URL's reference can't be resolved.
    """
    url = _url(settings, resolve)
    database = Database(url, pool_size=settings.pool_size)
    file = database.engine.url.database
    if database.is_sqlite and file:
        _make_private(Path(file))
    return database


def _url(settings: ManagerSettings, resolve: Resolve | None) -> str:
    if settings.database is None:
        return f"sqlite:///{settings.folder}/manager.db"
    url = settings.database.reveal()
    if url.startswith("file:"):
        path = Path(url.removeprefix("file:"))
        try:
            return path.read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
            raise ConfigError(f"manager database: can't read its URL from {path}: {reason}") from error
    if url.startswith("{vault://"):
        if resolve is None:
            raise ConfigError("manager database: a reference can't be used here")
        return resolve(url).reveal()
    return url


def _make_private(file: Path) -> None:
    try:
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except OSError as error:
        raise ConfigError(f"manager database {file}: can't make it: {error.strerror}") from error
