"""The manager's vault entities, kept up to date: from the manager, or from the disk while it is down."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from kong_vault_py.data_plane.backoff import Backoff
from kong_vault_py.data_plane.configuration import NOTHING, Configuration
from kong_vault_py.data_plane.manager_client import ManagerClient
from kong_vault_py.data_plane.node_token import NodeToken
from kong_vault_py.data_plane.options import NodeOptions
from kong_vault_py.data_plane.state_file import StateFile
from kong_vault_py.entities import VaultEntity
from kong_vault_py.errors import UnavailableError, VaultError
from kong_vault_py.reference import Reference
from kong_vault_py.secret import Secret
from kong_vault_py.status import ManagerStatus

__all__ = ["ManagedEntities"]

log = logging.getLogger(__name__)

_WAIT_S = 25.0
_ANSWER_S = 10.0
#: How long the first references wait for the manager before what the disk has must do.
_FIRST_ANSWER_S = 3.0
#: Between two answers that bring nothing: a manager that ends sends its nodes home at once.
_IDLE_PAUSE_S = 0.5
_FIRST_PAUSE_S = 0.25
_LONGEST_PAUSE_S = 15.0


class ManagedEntities:
    """An :class:`~kong_vault_py.entities.EntitySource`.

    Args:
        options: the node's.
        token: who it is.
        resolve: resolves references in the node's settings.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        options: NodeOptions,
        token: NodeToken,
        resolve: Callable[[str], Secret],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._options = options
        self._token = token
        self._clock = clock
        self._client = ManagerClient(options.url, options.ca_cert)
        self._state = (
            StateFile(options.state_file, options.state_key or "", options.url, resolve) if options.state_file else None
        )
        self._backoff = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        self._configuration = NOTHING
        self._token_used: Secret | None = None
        self._confirmed = False
        self._succeeded_at: float | None = None
        self._error: VaultError | None = None
        self._state_error: str | None = None
        self._asked = threading.Event()
        self._asking = threading.Lock()
        self._asker: int | None = None
        self._runs = False
        self._ends = False
        #: Called when references may lead elsewhere.
        self.changed: Callable[[], object] = lambda: None

    @property
    def entities(self) -> Mapping[str, VaultEntity]:
        """The entities as last heard of, by prefix; another object once they changed."""
        return self._configuration.entities

    @property
    def version(self) -> object:
        """What is another object whenever entities or policies changed."""
        return self._configuration.entities

    def find(self, prefix: str) -> VaultEntity | None:
        """Return the entity of a prefix; at the start it waits a moment for the manager's first answer."""
        self.wait()
        return self._configuration.entities.get(prefix)

    def wait(self) -> None:
        """Wait for the first answer, or for the news that there will be none; not for long."""
        if self._asked.is_set() or self._asker == threading.get_ident():
            return
        if self._runs:
            self._asked.wait(_FIRST_ANSWER_S)
            return
        with self._asking:  # no thread of ours: a command, which ends soon
            if not self._asked.is_set():
                self._ask_once(0.0, _FIRST_ANSWER_S)

    def explain(self, prefix: str) -> None:
        """Say why a prefix may be unknown only for now.

        Raises:
            UnavailableError: nothing was ever heard of the manager.
        """
        if self._configuration is NOTHING:
            kept = "" if self._state else " (vault_py_state_file would keep one)"
            reason = self._error or f"manager {self._options.url} has not answered yet"
            raise UnavailableError(
                f"vault '{prefix}' may be the manager's, and no configuration is at hand{kept}: {reason}"
            )

    def completed(self, entity: VaultEntity) -> VaultEntity:
        """Return the entity with what this node knows: a Config Store's entity may say no more than the store's id."""
        config = entity.config
        if entity.name != "konnect" or not config.get("config_store_id"):
            return entity
        if config.get("store_file") or config.get("manager_url"):
            return entity
        if self._token.latest is None:
            self.wait()
        ours = {
            "manager_url": self._options.url,
            "node_token": self._token.latest,
            "ca_cert": self._options.ca_cert,
        }
        return replace(entity, config={**config, **ours})

    def admit(self, reference: Reference, plugin: str | None) -> None:
        """Check a reference against the manager's policies.

        Raises:
            PermissionDeniedError: they don't allow it.
        """
        self._configuration.admit(reference, plugin)

    def run(self, stop: threading.Event) -> None:
        """Ask until told to stop."""
        self._runs = True
        while not stop.is_set():
            wait_s = _WAIT_S if self._confirmed else 0.0
            pause_s = self._ask_once(wait_s, wait_s + _ANSWER_S)
            if pause_s:
                stop.wait(pause_s)
        self._client.close()

    def about_to_run(self) -> None:
        """Let references wait for the thread that comes, instead of asking by themselves."""
        self._runs = True

    def close(self) -> None:
        """End the request under way, and ask no more."""
        self._ends = True
        self._client.interrupt()
        if not self._runs:
            self._client.close()

    def status(self) -> ManagerStatus:
        """Say how the connection stands."""
        return ManagerStatus(
            url=self._options.url,
            revision=None if self._configuration is NOTHING else self._configuration.revision,
            vaults=len(self._configuration.entities),
            connected=self._confirmed,
            last_sync_age_s=None if self._succeeded_at is None else self._clock() - self._succeeded_at,
            error=None if self._error is None else " ".join(str(self._error).split()),
        )

    def _ask_once(self, wait_s: float, timeout_s: float) -> float:
        """Ask, take in what comes or fails, and return the seconds to pause. Never raises."""
        self._asker = threading.get_ident()
        began = self._clock()
        try:
            news = self._heard(wait_s, timeout_s)
        except VaultError as error:
            self._failed(error)
            return self._backoff.next_s()
        except Exception as error:
            # A thread that died would end the sync in silence.
            log.exception("manager %s: an unexpected error; going on", self._options.url)
            self._failed(UnavailableError(f"manager {self._options.url}: {type(error).__name__}"))
            return self._backoff.next_s()
        finally:
            self._asked.set()
            self._asker = None
        idle = not news and wait_s > 0 and self._clock() - began < wait_s / 2
        return _IDLE_PAUSE_S if idle else 0.0

    def _heard(self, wait_s: float, timeout_s: float) -> bool:
        """Ask, and tell whether there was news."""
        token = self._token.read()
        if token != self._token_used:
            self._token_used, self._confirmed = token, False  # perhaps another group's: its revisions are others
            wait_s = 0.0
        # Whole, where it isn't sure that the manager means the same by this revision.
        after = self._configuration.revision if self._confirmed else 0
        path = f"/dataplane/v1/vaults?after={max(after, 0)}&wait_s={wait_s:g}"
        answer = self._client.ask("GET", path, token, timeout_s=timeout_s)
        document = answer.document
        if document is None and not self._confirmed:
            document = {"revision": 0, "vaults": []}  # a group that has never had any
        configuration = None if document is None else Configuration.of(document, self._options.url, self._options.name)
        self._succeeded()
        if configuration is None:
            return False
        news = configuration.revision != after
        self._take(configuration, keep=True)
        return news

    def _take(self, new: Configuration, *, keep: bool) -> None:
        old, self._configuration = self._configuration, new
        if old is not NOTHING and new.same_as(old):
            # The same object for whoever compares; but the manager's new revision.
            self._configuration = replace(old, revision=new.revision, document=new.document)
        else:
            self._asked.set()
            if keep:
                log.info("manager %s: %d vaults at revision %d", self._options.url, len(new.entities), new.revision)
            self.changed()
        if keep and self._state is not None and (new.document != old.document or self._state_error):
            self._keep(new)

    def _keep(self, configuration: Configuration) -> None:
        assert self._state is not None
        try:
            self._state.save(configuration.document)
        except VaultError as error:
            self._tell_state(str(error))
        else:
            self._state_error = None

    def _succeeded(self) -> None:
        if self._error is not None:
            log.info("manager %s: it answers again", self._options.url)
        self._error, self._confirmed, self._succeeded_at = None, True, self._clock()
        self._backoff.reset()

    def _failed(self, error: VaultError) -> None:
        if self._ends:
            return
        self._confirmed = False
        if self._configuration is NOTHING:
            self._load()
        if type(error) is not type(self._error):
            log.error("%s; %s", error, self._meanwhile())
        self._error = type(error)(*error.args)  # without its traceback, whose frames hold answers

    def _load(self) -> None:
        """Start from the disk."""
        if self._state is None:
            return
        try:
            document = self._state.load()
            found = None if document is None else Configuration.of(document, self._options.url, self._options.name)
        except VaultError as error:
            self._tell_state(str(error))
            return
        if found is not None:
            self._take(found, keep=False)

    def _meanwhile(self) -> str:
        known = self._configuration
        if known is NOTHING:
            return "no configuration is at hand; trying again"
        return f"going on with revision {known.revision} ({len(known.entities)} vaults), trying again"

    def _tell_state(self, problem: str) -> None:
        if problem != self._state_error:
            log.error("%s", problem)
        self._state_error = problem
