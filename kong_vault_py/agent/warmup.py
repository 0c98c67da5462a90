"""The references that the agent fetches before it calls itself ready."""

from __future__ import annotations

import logging
import threading
from collections.abc import Mapping

from kong_vault_py.bulk import get_all
from kong_vault_py.errors import UnavailableError, VaultError
from kong_vault_py.resources import shown
from kong_vault_py.secret import Secret
from kong_vault_py.vault import Vault

__all__ = ["Warmup"]

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0
#: Well within what systemd waits for a start.
_PATIENCE_S = 60.0
_MOST_TOLD = 20
_AT_ONCE = 16


class Warmup:
    """Fetches references once at the start, and those that failed again until all are there.

    A start waits for the first round, but not for ever: vaults that hang cost each reference its deadline.

    Args:
        vault: the resolver.
        references: what to fetch.
        patience_s: how long at most the start waits.
    """

    def __init__(self, vault: Vault, references: tuple[str, ...], patience_s: float = _PATIENCE_S) -> None:
        self._vault = vault
        self._missing = references
        self._total = len(references)
        self._patience_s = patience_s
        self._stopped = threading.Event()
        self.done = threading.Event()

    @property
    def state(self) -> str:
        """One of "starting", "ready", "degraded" (something could not be fetched) and "stopping"."""
        if self._stopped.is_set():
            return "stopping"
        if not self.done.is_set():
            return "starting"
        return "degraded" if self._missing else "ready"

    @property
    def missing(self) -> int:
        """How many references are not there."""
        return len(self._missing)

    def run(self) -> None:
        """Fetch until everything is there, or :meth:`stop`. What is missing is told once."""
        impatient = threading.Timer(self._patience_s, self._go_on)
        impatient.daemon = True
        impatient.start()
        try:
            self._fetch_until_all_are_there()
        finally:
            impatient.cancel()

    def stop(self) -> None:
        """End :meth:`run` soon."""
        self._stopped.set()

    def _fetch_until_all_are_there(self) -> None:
        pause_s, told = _FIRST_PAUSE_S, False
        while not self._stopped.is_set():
            failures = get_all(self._get, self._missing, at_once=_AT_ONCE).failures
            self._missing = tuple(failures)
            if not (told or self._stopped.is_set()):
                self._tell(failures)
            told = True
            self.done.set()
            if not self._missing:
                return
            self._stopped.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _get(self, reference: str) -> Secret:
        if self._stopped.is_set():
            raise UnavailableError("the agent is stopping")
        return self._vault.get(reference)

    def _tell(self, failures: Mapping[str, VaultError]) -> None:
        for reference, error in list(failures.items())[:_MOST_TOLD]:
            log.error("warm-up: %s", " ".join(str(error).split()) or shown(reference))
        if len(failures) > _MOST_TOLD:
            log.error("warm-up: and %d more", len(failures) - _MOST_TOLD)
        log.info("warm-up: %d of %d references fetched", self._total - self.missing, self._total)

    def _go_on(self) -> None:
        if not self.done.is_set():
            log.error("warm-up: not done within %g s; the start goes on without", self._patience_s)
            self.done.set()
