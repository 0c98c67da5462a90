"""The agent's process, once it is patched for gevent. Import it from ``serve`` only."""

from __future__ import annotations

import logging
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import gevent
from gevent.event import Event

from kong_vault_py.agent.agent import Agent
from kong_vault_py.agent.notify import notify, reloading, watchdog_interval_s
from kong_vault_py.agent.options import AgentOptions
from kong_vault_py.agent.warmup import Warmup
from kong_vault_py.settings import Settings
from kong_vault_py.vault import Vault

__all__ = ["run"]

log = logging.getLogger(__name__)

#: Watched to the very end: without them a second signal would kill the process in the middle of it.
_watchers: list[Any] = []


def run(settings_path: Path | None, *, socket: Path | None, listen: str | None) -> None:
    """See ``serve.serve``."""
    os.umask(0o077)
    hub = gevent.get_hub()
    hub.handle_error = _log_error  # type: ignore[assignment,method-assign]  # the way that gevent documents
    settings = Settings.load(settings_path)
    agent = Agent(AgentOptions.of(settings.runtime, socket=socket, listen=listen))
    with Vault(settings, observer=agent.metrics) as vault:
        vault.preload()
        stop = Event()
        _on_signal(hub, signal.SIGTERM, stop.set)
        _on_signal(hub, signal.SIGINT, stop.set)
        _on_signal(hub, signal.SIGHUP, lambda: gevent.spawn(_reload, vault, agent))
        warmup = agent.start(vault)
        helpers: list[Any] = [gevent.spawn(_tell_ready, warmup), gevent.spawn(_feed_watchdog)]
        stop.wait()
        log.info("stopping")
        notify("STOPPING=1")
        agent.stop()
        gevent.killall(helpers)


def _reload(vault: Vault, agent: Agent) -> None:
    reloading()
    vault.reload()
    agent.reload()
    log.info("settings read again")
    notify("READY=1")


def _tell_ready(warmup: Warmup) -> None:
    warmup.done.wait()
    log.info("%s", warmup.state)
    notify("READY=1", f"STATUS={warmup.state}")


def _feed_watchdog() -> None:
    """Show that the loop turns, for as long as it does."""
    interval_s = watchdog_interval_s()
    while interval_s is not None:
        notify("WATCHDOG=1")
        gevent.sleep(interval_s)


def _on_signal(hub: Any, number: int, action: Callable[[], object]) -> None:
    watcher = hub.loop.signal(number)
    watcher.start(action)
    _watchers.append(watcher)


def _log_error(_context: object, kind: Any, value: Any, trace: Any) -> None:
    """Log what gets out of a greenlet; by default gevent prints it, and SystemExit in one would end the process."""
    if not issubclass(kind, gevent.GreenletExit):
        log.error("a greenlet or thread raised %s", kind.__name__, exc_info=(kind, value, trace))
