"""What a node tells its manager: how it is, what it fetched, and what its cache served. Never a value."""

from __future__ import annotations

import json
import logging
import os
import platform
import threading
import time
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from kong_vault_py.data_plane.audit_buffer import AuditBuffer
from kong_vault_py.data_plane.manager_client import ManagerClient
from kong_vault_py.data_plane.node_token import NodeToken
from kong_vault_py.data_plane.options import NodeOptions
from kong_vault_py.data_plane.storable import storable
from kong_vault_py.data_plane.usage import Usage
from kong_vault_py.errors import AuthenticationError, InvalidResponseError, UnavailableError, VaultError
from kong_vault_py.status import FetchEvent, Observer, VaultStatus

__all__ = ["Reporter"]

log = logging.getLogger(__name__)

# The manager takes bodies of up to 1 MiB and 1000 audit entries.
_MOST_ENTRIES = 1000
_MOST_AUDIT_BYTES = 400_000
_MOST_STATUS_BYTES = 400_000
#: Reports in a row while entries wait.
_MOST_AT_ONCE = 20
_ANSWER_S = 10.0
_LAST_ANSWER_S = 2.0


class Reporter:
    """Sends reports. It is an observer of fetches, and passes them on to another one.

    Args:
        options: the node's.
        token: who it is.
        status: says how the resolver stands.
        hits: reference -> how often the cache served it.
        quiet: somebody else tells when the manager is away.
    """

    def __init__(
        self,
        options: NodeOptions,
        token: NodeToken,
        status: Callable[[], VaultStatus],
        hits: Callable[[], Mapping[str, int]],
        quiet: bool = False,
    ) -> None:
        self._options = options
        self._quiet = quiet
        self._token = token
        self._client = ManagerClient(options.url, options.ca_cert)
        self._status = status
        self._hits = hits
        self._started_at = int(time.time())
        self._hits_at = time.monotonic()
        self._error: VaultError | None = None
        self.usage = Usage()
        self.audit = AuditBuffer(options.audit_buffer)
        #: Hears of every fetch too.
        self.observer: Observer | None = None

    def fetched(self, event: FetchEvent) -> None:
        """Note a fetch for the audit."""
        self.audit.add(
            at=time.time(),
            reference=event.reference,
            strategy=event.strategy,
            outcome=event.outcome,
            cached=False,
            duration_s=round(event.duration_s, 6),
            plugin=self.usage.plugins(event.reference),
        )
        if self.observer is not None:
            self.observer.fetched(event)

    def run(self, stop: threading.Event) -> None:
        """Report until told to stop, and once more then."""
        while not stop.wait(self._options.report_interval_s):
            self._count_hits(at_the_end=False)
            self._report(_ANSWER_S)
        self._count_hits(at_the_end=True)
        self._report(_LAST_ANSWER_S)
        self._client.close()

    def _count_hits(self, *, at_the_end: bool) -> None:
        """Put one entry per reference into the audit for what the cache served."""
        interval_s = self._options.hits_interval_s
        if not interval_s or (not at_the_end and time.monotonic() - self._hits_at < interval_s):
            return
        self._hits_at = time.monotonic()
        new = self.usage.new_hits(self._hits())
        if not new:
            return
        strategies = {
            reference: resource.strategy for resource in self._status().resources for reference in resource.references
        }
        for reference, count in new.items():
            self.audit.add(
                at=time.time(),
                reference=reference,
                strategy=strategies.get(reference),
                outcome="ok",
                cached=True,
                count=count,
                plugin=self.usage.plugins(reference),
            )

    def _report(self, timeout_s: float) -> None:
        """Send how it stands, and the entries that wait. Never raises."""
        try:
            for _ in range(_MOST_AT_ONCE):
                self._send(timeout_s)
                if not self.audit:
                    break
        except VaultError as error:
            if type(error) is not type(self._error):
                # Where entities come from the manager too, that is told already, unless it is about the report.
                known = self._quiet and isinstance(error, (AuthenticationError, UnavailableError))
                log.log(
                    logging.DEBUG if known else logging.WARNING, "no report to the manager: %s; trying again", error
                )
            self._error = type(error)(*error.args)  # without its traceback
        except Exception:
            # A thread that died would end the reports in silence.
            log.exception("no report to the manager: an unexpected error; going on")
        else:
            if self._error is not None and not self._quiet:
                log.info("reports reach the manager again")
            self._error = None

    def _send(self, timeout_s: float) -> None:
        batch = self.audit.oldest(_MOST_ENTRIES, _MOST_AUDIT_BYTES)
        body = {"node": self._about(), "status": _bounded(self._status()), "audit": batch.entries}
        try:
            self._client.ask("POST", "/dataplane/v1/report", self._token.read(), body=body, timeout_s=timeout_s)
        except InvalidResponseError:
            # It finds fault with these entries, and would for ever.
            self.audit.done(batch.last, lost=True)
            raise
        self.audit.done(batch.last)

    def _about(self) -> dict[str, Any]:
        return {
            "name": self._options.name,
            "version": _version(),
            "python": platform.python_version(),
            "pid": os.getpid(),
            "started_at": self._started_at,
            "audit_dropped": self.audit.dropped,
        }


def _version() -> str:
    try:
        return version("kong-vault-py")
    except PackageNotFoundError:
        return "unknown"


def _bounded(status: VaultStatus) -> dict[str, Any]:
    """Return the status as data, with no more resources than the manager takes: those in trouble first."""
    told = storable(status.as_dict())
    resources = sorted(told["resources"], key=lambda found: (-found["failures"], -(found["age_s"] or 0.0)))
    kept, size = [], 0
    for resource in resources:
        resource["references"] = resource["references"][:20]
        size += len(json.dumps(resource)) + 2
        if size > _MOST_STATUS_BYTES:
            break
        kept.append(resource)
    return {**told, "resources": kept, "resources_total": len(resources)}
