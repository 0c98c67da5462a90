"""The agent's process, once it is patched for gevent. Import it from ``serve`` only."""

from __future__ import annotations

import contextlib
import logging
import os
import resource
import signal
import traceback
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

#: Files and sockets that it wants to have open at once; many systems give 1024 unless asked.
_WANTED_FILES = 4096

#: Watched to the very end: without them a second signal would kill the process in the middle of it.
_watchers: list[Any] = []


def run(settings_path: Path | None, *, socket: Path | None, listen: str | None) -> None:
    """See ``serve.serve``."""
    os.umask(0o077)
    _allow_files()
    hub = gevent.get_hub()
    hub.handle_error = _log_error  # type: ignore[assignment,method-assign]  # the way that gevent documents
    settings = Settings.load(settings_path)
    agent = Agent(AgentOptions.of(settings.runtime, socket=socket, listen=listen))
    with Vault(settings, observer=agent.metrics) as vault:
        vault.preload()
        stop, asked = Event(), Event()
        _on_signal(hub, signal.SIGTERM, stop.set)
        _on_signal(hub, signal.SIGINT, stop.set)
        _on_signal(hub, signal.SIGHUP, asked.set)
        warmup = agent.start(vault)
        helpers: list[Any] = [
            gevent.spawn(_tell_ready, warmup),
            gevent.spawn(_feed_watchdog),
            gevent.spawn(_reload_whenever, asked, vault, agent, warmup),
        ]
        stop.wait()
        log.info("stopping")
        notify("STOPPING=1")
        agent.stop()
        gevent.killall(helpers)


def _reload_whenever(asked: Event, vault: Vault, agent: Agent, warmup: Warmup) -> None:
    """Read everything again when asked to: once, however often that was meanwhile."""
    while asked.wait():
        asked.clear()
        # Until it is warm, READY=1 would say too much.
        started = warmup.done.is_set()
        if started:
            reloading()
        try:
            vault.reload()
            agent.reload()
            log.info("settings read again")
        finally:
            if started:
                notify("READY=1")


def _tell_ready(warmup: Warmup) -> None:
    warmup.done.wait()
    log.info("%s", warmup.state)
    if warmup.state != "stopping":
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
    if issubclass(kind, gevent.GreenletExit):
        return
    # Its type and place alone: the text of a foreign error may hold anything.
    places = [f"{frame.filename}:{frame.lineno}" for frame in traceback.extract_tb(trace)]
    log.error("a greenlet or thread raised %s at %s", kind.__name__, " < ".join(places[::-1]) or repr(type(value)))


def _allow_files() -> None:
    """Raise the number of files this process may open, as far as it may."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < _WANTED_FILES:
        most = _WANTED_FILES if hard == resource.RLIM_INFINITY else min(_WANTED_FILES, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, most), hard))
