"""The references that the agent fetches before it calls itself ready."""

from __future__ import annotations

import logging
import threading

from kong_vault_py.resources import shown
from kong_vault_py.vault import Vault

__all__ = ["Warmup"]

log = logging.getLogger(__name__)

_FIRST_PAUSE_S = 5.0
_LONGEST_PAUSE_S = 60.0


class Warmup:
    """Fetches references once at the start, and those that failed again until all are there.

    Args:
        vault: the resolver.
        references: what to fetch.
    """

    def __init__(self, vault: Vault, references: tuple[str, ...]) -> None:
        self._vault = vault
        self._missing = references
        self._total = len(references)
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
        pause_s, told = _FIRST_PAUSE_S, False
        while not self._stopped.is_set():
            failures = self._vault.warmup(self._missing)
            for reference, error in failures.items() if not told else ():
                log.error("warm-up: %s", " ".join(str(error).split()) or shown(reference))
            self._missing, told = tuple(failures), True
            if not self.done.is_set():
                log.info("warm-up: %d of %d references fetched", self._total - self.missing, self._total)
            self.done.set()
            if not self._missing:
                return
            self._stopped.wait(pause_s)
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def stop(self) -> None:
        """End :meth:`run` soon."""
        self._stopped.set()
