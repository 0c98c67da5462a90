"""Notices that references have other values than before."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from kong_vault_py.bulk import Fetches
from kong_vault_py.errors import VaultError

if TYPE_CHECKING:
    from kong_vault_py.secret import Secret
    from kong_vault_py.vault import Vault

__all__ = ["Watch"]


class Watch:
    """Looks at references in a thread, and tells of new values once they have been quiet for a while.

    Secrets of one rotation come one by one: a restart for each would be one too many. A secret that can't be had now
    keeps its last value.

    Args:
        vault: one that refreshes in the background; a look costs no more than its cache.
        references: what to look at.
        secrets: their values as the command knows them.
        tell: called in the watch's thread with all current secrets.
        poll_s: seconds between looks.
        quiet_s: seconds without a further change before it is told.
    """

    def __init__(
        self,
        vault: Vault,
        references: Iterable[str],
        secrets: dict[str, Secret],
        tell: Callable[[Fetches], None],
        *,
        poll_s: float = 1.0,
        quiet_s: float = 1.0,
    ) -> None:
        self._vault = vault
        self._references = tuple(references)
        self._secrets = dict(secrets)
        self._tell = tell
        self._poll_s = poll_s
        self._quiet_s = quiet_s
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True, name="kong-vault-watch")

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End; a look under way is waited for."""
        self._stopped.set()
        self._thread.join()

    def _run(self) -> None:
        changed_at: float | None = None
        while not self._stopped.wait(self._poll_s):
            if self._look():
                changed_at = time.monotonic()
            elif changed_at is not None and time.monotonic() - changed_at >= self._quiet_s:
                changed_at = None
                self._tell(Fetches(dict(self._secrets)))

    def _look(self) -> bool:
        """Take what is new, and say whether anything was."""
        new = False
        for reference in self._references:
            try:
                secret = self._vault.get(reference)
            except VaultError:
                continue  # told in the log by who fetches
            known = self._secrets.get(reference)
            if known is not secret:
                self._secrets[reference] = secret
                new |= known != secret
        return new
