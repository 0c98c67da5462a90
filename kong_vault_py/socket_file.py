"""The path of a server's unix socket: who may connect, and whose it is when an old and a new server meet."""

from __future__ import annotations

import _socket
import contextlib
import errno
import grp
import logging
import os
import secrets
from pathlib import Path

from kong_vault_py.errors import ConfigError

__all__ = ["SocketFile"]

log = logging.getLogger(__name__)

_BACKLOG = 4096
#: ``sun_path`` of Linux, without its closing NUL.
_MAX_PATH_BYTES = 107


class SocketFile:
    """A listening socket whose file appears at its path complete: with its mode, its group, and in one step.

    Args:
        path: where clients connect.
        mode: the file's permission bits; connecting needs write.
        group: name or number of the file's group.
    """

    def __init__(self, path: Path, *, mode: int = 0o600, group: str | None = None) -> None:
        self.path = path
        self._mode = mode
        self._group = group
        self._identity: tuple[int, int] | None = None
        self._prepared: Path | None = None

    def listen(self) -> _socket.socket:
        """Listen, and take the path over: from nobody, from a dead server's file, or from a live server.

        A live server keeps its connections and finishes; that is how ``kong reload`` replaces one.

        Raises:
            ConfigError: something else lies at the path, or the socket can't be made there.
        """
        listener = self.prepare()
        try:
            self.publish()
        except BaseException:
            listener.close()
            self.remove()
            raise
        return listener

    def prepare(self) -> _socket.socket:
        """Listen under a name that nobody knows; :meth:`publish` brings the clients.

        Raises:
            ConfigError: something else lies at the path, or the socket can't be made there.
        """
        self._refuse_other_files()
        # In place only when finished: no moment at which others could connect, none without a server.
        new = self.path.with_name(f".{self.path.name}.{secrets.token_hex(2)}")
        excess = len(os.fsencode(new)) - _MAX_PATH_BYTES
        if excess > 0:
            raise ConfigError(f"socket {self.path}: the path is {excess} bytes too long")
        try:
            listener = self._listen(new)
        except OSError as error:
            with contextlib.suppress(OSError):
                new.unlink()
            raise ConfigError(f"socket {self.path}: can't make it: {error.strerror or error}") from error
        self._prepared = new
        return listener

    def publish(self) -> None:
        """Take the path over with what :meth:`prepare` made.

        Raises:
            ConfigError: something else lies at the path by now, or it can't be had.
        """
        if self._prepared is None:
            return
        self._refuse_other_files(quietly=False)
        try:
            self._prepared.rename(self.path)
        except OSError as error:
            raise ConfigError(f"socket {self.path}: can't make it: {error.strerror or error}") from error
        self._prepared = None

    def remove(self) -> None:
        """Remove the file, unless it has become another server's."""
        if self._prepared is not None:
            with contextlib.suppress(OSError):
                self._prepared.unlink()
            self._prepared = None
            return
        with contextlib.suppress(OSError):
            if self._identity == _identity(self.path):
                self.path.unlink()
            else:
                log.info("socket %s is another server's by now: left alone", self.path)

    def _listen(self, new: Path) -> _socket.socket:
        listener = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        try:
            umask = os.umask(0o777)
            try:
                listener.bind(os.fsencode(new))
            finally:
                os.umask(umask)
            if self._group is not None:
                os.chown(new, -1, _group_id(self._group))
            new.chmod(self._mode)
            listener.listen(_BACKLOG)
            listener.setblocking(False)
            self._identity = _identity(new)
        except BaseException:
            listener.close()
            raise
        return listener

    def _refuse_other_files(self, *, quietly: bool = True) -> None:
        with contextlib.suppress(FileNotFoundError):
            if not self.path.is_socket() and (self.path.exists() or self.path.is_symlink()):
                raise ConfigError(
                    f"socket {self.path}: a file that is no socket is there: remove it, or take another path"
                )
            if not quietly and self.path.is_socket():
                log.info("socket %s taken over from %s", self.path, "a live server" if self._lives() else "a dead one")

    def _lives(self) -> bool:
        probe = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
        probe.settimeout(1)
        try:
            return probe.connect_ex(os.fsencode(self.path)) not in (errno.ECONNREFUSED, errno.ENOENT)
        finally:
            probe.close()


def _identity(path: Path) -> tuple[int, int]:
    found = path.stat()
    return found.st_dev, found.st_ino


def _group_id(group: str) -> int:
    try:
        return int(group) if group.isdecimal() else grp.getgrnam(group).gr_gid
    except KeyError:
        raise ConfigError(f"socket group {group}: there is no such group") from None
