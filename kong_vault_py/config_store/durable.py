"""Replacing a file so that a crash at any moment leaves the old content or the new, and what returned stays."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

__all__ = ["LockedError", "create_file", "locked", "replace_file"]

_MODE = 0o600
_NEW_FILE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
_LOCK_FILE = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_RETRY_S = 0.01


class LockedError(OSError):
    """Another process held the lock for too long."""


@contextmanager
def locked(path: Path, *, wait_s: float) -> Iterator[Path]:
    """Be the only one who replaces a file; yields its real path, links resolved.

    The lock is a file of its own beside it, since the file itself is another one after each replacement. It ends with
    the process that holds it, however that dies.

    Raises:
        LockedError: another process held it for ``wait_s`` seconds.
        OSError: the lock can't be made.
    """
    target = Path(os.path.realpath(path))
    descriptor = os.open(f"{target}.lock", _LOCK_FILE, _MODE)
    try:
        if os.geteuid() == 0:
            _take_owner(descriptor, target)
        _acquire(descriptor, wait_s)
        yield target
    finally:
        os.close(descriptor)


def create_file(path: Path, content: bytes) -> None:
    """Make a file of mode 0600; when this returns, the disk has it.

    Raises:
        FileExistsError: there is one.
        OSError: it can't be made.
    """
    _write(path, content)
    _sync_directory(path.parent)


def replace_file(path: Path, content: bytes) -> None:
    """Write a file of mode 0600 in place of another, whose owner it gets; when this returns, the disk has it.

    Args:
        path: the file's real path; who calls holds its lock.
        content: all that it shall have.

    Raises:
        OSError: it can't be written; the old file is as it was.
    """
    new = path.with_name(f"{path.name}.new")
    new.unlink(missing_ok=True)  # of a process that died
    try:
        _write(new, content, like=path)
        new.replace(path)
    except OSError:
        with suppress(OSError):
            new.unlink()
        raise
    _sync_directory(path.parent)


def _acquire(descriptor: int, wait_s: float) -> None:
    end_s = time.monotonic() + wait_s
    while True:
        try:
            return fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= end_s:
                raise LockedError(f"another process has been writing it for {wait_s:g} s") from None
            time.sleep(_RETRY_S)


def _write(path: Path, content: bytes, like: Path | None = None) -> None:
    descriptor = os.open(path, _NEW_FILE, _MODE)
    with os.fdopen(descriptor, "wb") as file:
        os.fchmod(descriptor, _MODE)
        if like is not None:
            _take_owner(descriptor, like)
        file.write(content)
        file.flush()
        os.fsync(descriptor)


def _take_owner(descriptor: int, like: Path) -> None:
    """Let root write the file of the user whom the gateway runs as."""
    with suppress(FileNotFoundError):
        wanted, made = like.stat(), os.fstat(descriptor)
        if (wanted.st_uid, wanted.st_gid) != (made.st_uid, made.st_gid):
            os.fchown(descriptor, wanted.st_uid, wanted.st_gid)


def _sync_directory(path: Path) -> None:
    """Bring a new name to the disk: it is there once its directory is."""
    directory = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
