"""Sending the audit on as it is written: syslog (RFC 5424) over UDP, TCP (RFC 6587, counted) or a unix socket."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import socket
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from datetime import datetime, timezone
from typing import Any
from urllib.parse import urlsplit

from kong_vault_py.errors import ConfigError

__all__ = ["SyslogSink", "syslog_line"]

log = logging.getLogger(__name__)

#: Facility 13, "log audit"; severities "warning" and "notice".
_FACILITY = 13 * 8
_WARNING, _NOTICE = 4, 5
_APP = "kong-vault"
_MOST_WAITING = 10_000
_CONNECT_S = 5.0
_RETRY_S = 1.0
_LAST_S = 2.0


def syslog_line(entry: Mapping[str, Any], host: str, pid: int) -> bytes:
    """Return an audit entry as a syslog message, whose text is the entry as JSON."""
    priority = _FACILITY + (_NOTICE if entry["outcome"] == "ok" else _WARNING)
    at = datetime.fromtimestamp(entry["at"], timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    action = "".join(char for char in entry["action"] if "!" <= char <= "~")[:32] or "-"
    text = json.dumps(entry, sort_keys=True, separators=(",", ":"))  # in ASCII: no byte order mark is due
    return f"<{priority}>1 {at} {host} {_APP} {pid} {action} - {text}".encode()


class SyslogSink:
    """Sends entries in a thread of its own: nobody waits for it, and the database remains the audit.

    Args:
        target: ``udp://host:port``, ``tcp://host:port`` or ``unix:/path``.

    Raises:
        ConfigError: the target is of no such form.
    """

    def __init__(self, target: str) -> None:
        self._target = target
        self._kind, self._address = _parsed(target)
        self._host = "".join(char for char in socket.gethostname() if "!" <= char <= "~")[:255] or "-"
        self._waiting: deque[bytes] = deque()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._closed = False
        self._failing = False
        self._socket: socket.socket | None = None
        #: Entries that had to go before they could be sent.
        self.dropped = 0

    def offer(self, entries: Sequence[Mapping[str, Any]]) -> None:
        """Take entries, and return at once; where too many wait, the oldest go."""
        lines = [syslog_line(entry, self._host, os.getpid()) for entry in entries]
        with self._changed:
            self._waiting.extend(lines)
            while len(self._waiting) > _MOST_WAITING:
                self._waiting.popleft()
                self.dropped += 1
            if self._thread is None and not self._closed:
                self._thread = threading.Thread(target=self._run, name="kong-vault-syslog", daemon=True)
                self._thread.start()
            self._changed.notify()

    def close(self) -> None:
        """Send what waits, for two seconds at most. Safe to call twice."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        if self._thread is not None:
            self._thread.join(_LAST_S)

    def _run(self) -> None:
        while (line := self._next()) is not None:
            try:
                self._send(line)
            except OSError as error:
                self._disconnect()
                self._put_back(line, error)
            else:
                if self._failing:
                    log.info("audit to %s: it is reached again", self._target)
                self._failing = False
        self._disconnect()

    def _next(self) -> bytes | None:
        with self._changed:
            while not self._waiting and not self._closed:
                self._changed.wait()
            return self._waiting.popleft() if self._waiting else None

    def _put_back(self, line: bytes, error: OSError) -> None:
        if not self._failing:
            log.error("audit to %s: %s; trying again", self._target, error.strerror or error)
        self._failing = True
        with self._changed:
            if self._closed:
                self._waiting.clear()
                return
            self._waiting.appendleft(line)
            self._changed.wait(_RETRY_S)

    def _send(self, line: bytes) -> None:
        if self._socket is None:
            self._socket = self._connected()
        if self._kind == "tcp":
            line = b"%d %s" % (len(line), line)
        self._socket.sendall(line)

    def _connected(self) -> socket.socket:
        if self._kind == "tcp":
            return socket.create_connection(self._address, timeout=_CONNECT_S)
        if self._kind == "unix":
            made, address = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), self._address
        else:
            host, port = self._address
            family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
            made = socket.socket(family, kind)
        try:
            made.settimeout(_CONNECT_S)
            made.connect(address)
        except OSError:
            made.close()
            raise
        return made

    def _disconnect(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):
                self._socket.close()
            self._socket = None


def _parsed(target: str) -> tuple[str, Any]:
    if target.startswith("unix:/"):
        return "unix", target.removeprefix("unix:")
    with contextlib.suppress(ValueError):
        parts = urlsplit(target)
        if parts.scheme in ("udp", "tcp") and parts.hostname and parts.port and not parts.path.strip("/"):
            return parts.scheme, (parts.hostname, parts.port)
    raise ConfigError(f"option 'syslog': {target!r} won't do: expected udp://host:port, tcp://host:port or unix:/path")
