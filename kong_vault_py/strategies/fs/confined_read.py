"""Reads a file that lies below a directory, symbolic links followed; never one outside it."""

from __future__ import annotations

import errno
import os
import stat

__all__ = ["MAX_FILE_BYTES", "NOT_REGULAR", "OutsideError", "UnfitError", "read_below"]

MAX_FILE_BYTES = 1_048_576
NOT_REGULAR = "is a device, socket or pipe, not a regular file"

# A Kubernetes mount swaps its ``..data`` symlink when a secret changes: a path may vanish between two steps.
_ATTEMPTS = 3
_SWAPPED = (errno.ENOENT, errno.ELOOP, errno.ENOTDIR)

_WALK_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC
# Non-blocking, since opening a FIFO would otherwise wait for its writer.
_FILE_FLAGS = _WALK_FLAGS | os.O_NONBLOCK | os.O_NOCTTY


class OutsideError(Exception):
    """A symbolic link leads out of the directory."""


class UnfitError(Exception):
    """What was found can't be a secret; the text says why."""


def read_below(prefix: str, parts: list[bytes]) -> bytes:
    """Return the content of a file whose final target lies below ``prefix``.

    Args:
        prefix: an absolute path.
        parts: the path below it, name by name.

    Raises:
        OutsideError: a link leads elsewhere.
        UnfitError: it is no regular file, or a large one.
        OSError: anything else.
    """
    for _ in range(_ATTEMPTS - 1):
        try:
            return _read_once(os.fsencode(prefix), parts)
        except OSError as error:
            if error.errno not in _SWAPPED:
                raise
    return _read_once(os.fsencode(prefix), parts)


def _read_once(prefix: bytes, parts: list[bytes]) -> bytes:
    root = os.path.realpath(prefix)
    target = os.path.realpath(os.path.join(root, *parts), strict=True)  # noqa: PTH118
    inside = os.path.relpath(target, root).split(b"/")
    if inside[0] == b"..":
        raise OutsideError
    return _read_real_path(root, inside)


def _read_real_path(root: bytes, names: list[bytes]) -> bytes:
    """Open name by name, following no link: what is read can't be swapped for a file elsewhere after the check."""
    directory = os.open(root, _WALK_FLAGS | os.O_DIRECTORY)
    try:
        for name in names[:-1]:
            deeper = os.open(name, _WALK_FLAGS | os.O_DIRECTORY, dir_fd=directory)
            os.close(directory)
            directory = deeper
        file = os.open(names[-1], _FILE_FLAGS, dir_fd=directory)
    finally:
        os.close(directory)
    try:
        return _read_regular(file)
    finally:
        os.close(file)


def _read_regular(file: int) -> bytes:
    found = os.fstat(file)
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if not stat.S_ISREG(found.st_mode):
        raise UnfitError(NOT_REGULAR)
    content = b""
    while chunk := os.read(file, MAX_FILE_BYTES + 1 - len(content)):
        content += chunk
    if len(content) > MAX_FILE_BYTES:
        raise UnfitError(f"is larger than {MAX_FILE_BYTES} bytes")
    return content
